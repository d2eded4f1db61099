import {
  ClusterError,
  type Block,
  type BlockExchange,
  type Blocks,
  type BlockService,
  type BlockSession
} from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** Decides whether one peer can reach another for blocks. */
export type ReachFilter = (from: PeerId, to: PeerId) => boolean

/**
 * Block exchanges of several peers in one process: a block that any reachable peer has mounted is found, and a want
 * waits until one has it.
 *
 * @example
 * ```ts
 * const hub = new MemoryExchangeHub()
 * const exchange = hub.join(testPeerId(1))
 * ```
 */
export class MemoryExchangeHub {
  readonly #peers: MemoryExchange[] = []
  readonly #wants = new Set<() => void>()
  readonly #selves = new Map<MemoryExchange, PeerId>()
  readonly #filter: ReachFilter
  /** Blocks that went from one peer to another. */
  transferred = 0

  constructor(filter: ReachFilter = () => true) {
    this.#filter = filter
  }

  /** The exchange of a peer. */
  join(self: PeerId): MemoryExchange {
    const exchange: MemoryExchange = new MemoryExchange({
      fetch: (cid, options) => this.#fetch(exchange, cid, options),
      notify: () => {
        this.notify()
      }
    })
    this.#peers.push(exchange)
    this.#selves.set(exchange, self)
    return exchange
  }

  /** The peer is gone: it serves nothing any more. */
  leave(exchange: MemoryExchange): void {
    const at = this.#peers.indexOf(exchange)
    if (at >= 0) this.#peers.splice(at, 1)
  }

  /** Something became reachable: who waits looks again. */
  notify(): void {
    for (const look of [...this.#wants]) look()
  }

  async #fetch(asker: MemoryExchange, cid: CID, options?: AbortOptions): Promise<Uint8Array> {
    for (;;) {
      options?.signal?.throwIfAborted()
      const changed = this.#changed(options?.signal)
      const from = this.#selves.get(asker)
      const here = await asker.find(cid)
      if (here !== undefined) {
        changed.stop()
        return here
      }
      for (const peer of [...this.#peers]) {
        const to = this.#selves.get(peer)
        if (peer === asker || from === undefined || to === undefined || !this.#filter(from, to)) continue
        const bytes = await peer.find(cid)
        if (bytes === undefined) continue
        changed.stop()
        this.transferred += 1
        return bytes
      }
      await changed.promise
    }
  }

  #changed(signal: AbortSignal | undefined): { promise: Promise<void>; stop: () => void } {
    let stop = (): void => undefined
    const promise = new Promise<void>((resolve) => {
      stop = () => {
        this.#wants.delete(stop)
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      this.#wants.add(stop)
      signal?.addEventListener('abort', stop)
    })
    return { promise, stop }
  }
}

interface Hub {
  fetch(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  notify(): void
}

/** One peer's exchange of a {@link MemoryExchangeHub}. */
export class MemoryExchange implements BlockExchange {
  readonly #hub: Hub
  readonly #mounts = new Map<string, Blocks>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  mount(name: string, blocks: Blocks): BlockService {
    if (this.#mounts.has(name)) throw new ClusterError('BUSY', `there is a mount ${name} already`)
    this.#mounts.set(name, blocks)
    const createSession = (): BlockSession => new MemorySession(this.#hub, blocks)
    const session = createSession()
    return {
      get: (cid, options) => session.get(cid, options),
      getMany: (cids, options) => session.getMany(cids, options),
      close: () => {
        session.close()
      },
      createSession,
      put: async (stored: readonly Block[], options?: AbortOptions) => {
        await blocks.put(stored, options)
        this.#hub.notify()
      },
      has: (cid: CID, options?: AbortOptions) => blocks.has(cid, options),
      unmount: () => {
        this.#mounts.delete(name)
      }
    }
  }

  /** The block, from any mount. */
  async find(cid: CID): Promise<Uint8Array | undefined> {
    for (const blocks of this.#mounts.values()) {
      if (await blocks.has(cid)) return blocks.get(cid)
    }
    return undefined
  }
}

class MemorySession implements BlockSession {
  readonly #hub: Hub
  readonly #blocks: Blocks

  constructor(hub: Hub, blocks: Blocks) {
    this.#hub = hub
    this.#blocks = blocks
  }

  async get(cid: CID, options?: AbortOptions): Promise<Uint8Array> {
    if (await this.#blocks.has(cid, options)) return this.#blocks.get(cid, options)
    const bytes = await this.#hub.fetch(cid, options)
    await this.#blocks.put([{ cid, bytes }], options)
    this.#hub.notify()
    return bytes
  }

  async *getMany(cids: Iterable<CID> | AsyncIterable<CID>, options?: AbortOptions): AsyncGenerator<Block, void> {
    for await (const cid of cids) yield { cid, bytes: await this.get(cid, options) }
  }

  close(): void {
    // nothing is kept for a session
  }
}
