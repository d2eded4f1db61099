import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'
import { BlockTooLargeError, SessionClosedError } from '../errors.ts'
import type {
  BitswapSession,
  GetBlocksOptions,
  PeerTarget,
  ReceivedBlock,
  SessionOptions,
  WantOptions
} from '../interface.ts'
import { boundedFetch } from './bounded-fetch.ts'
import type { Fetcher } from './fetcher.ts'
import type { Delivery, Waiter } from './notifications.ts'
import type { SessionState } from './session-state.ts'

/** A session as its user holds it: promises over the bookkeeping. */
export class Session implements BitswapSession {
  readonly #fetcher: Fetcher
  readonly #state: SessionState
  readonly #onClosed: () => void
  readonly #signal: AbortSignal | undefined
  /** How many wait for a block through this session. */
  readonly #waiting = new Map<BlockKey, Set<Waiter>>()
  readonly #dialing = new AbortController()
  #closed: Error | undefined

  constructor(fetcher: Fetcher, options: SessionOptions, onClosed: () => void) {
    const { signal, providers = [], broadcast = true, fixedPeers = false } = options
    this.#fetcher = fetcher
    this.#onClosed = onClosed
    this.#state = fetcher.options.client.openSession({ broadcast: broadcast && !fixedPeers, fixedPeers })
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
    if (signal?.aborted === true) this.#onAbort()
    this.#addPeers(providers)
  }

  get id(): number {
    return this.#state.id
  }

  async want(cid: CID, options?: WantOptions): Promise<Uint8Array> {
    return (await this.wantBlock(cid, options)).bytes
  }

  async wantBlock(cid: CID, options: WantOptions = {}): Promise<ReceivedBlock> {
    const { signal, maxSizeBytes } = options
    const { clock } = this.#fetcher.options
    const sinceMs = clock.nowMs()
    signal?.throwIfAborted()
    const parsed = this.#fetcher.parse(cid)
    const delivery: Delivery = 'inline' in parsed ? { bytes: parsed.inline } : await this.#wait(cid, parsed, options)
    const { bytes } = delivery
    if (maxSizeBytes !== undefined && bytes.length > maxSizeBytes) {
      throw new BlockTooLargeError(`${cid.toString()} has ${bytes.length} bytes, at most ${maxSizeBytes} are allowed`)
    }
    await options.validate?.(bytes, cid)
    return { cid, ...delivery, delayMs: clock.nowMs() - sinceMs }
  }

  getBlocks(
    cids: Iterable<CID> | AsyncIterable<CID>,
    options: GetBlocksOptions = {}
  ): AsyncGenerator<ReceivedBlock, void, undefined> {
    return boundedFetch(cids, (cid, signal) => this.wantBlock(cid, { ...options, signal }), options)
  }

  async addPeer(peer: PeerTarget, options: AbortOptions = {}): Promise<void> {
    const { client, clock } = this.#fetcher.options
    const found = await this.#fetcher.options.dial(peer, options)
    if (this.#closed === undefined) client.addMember(this.#state, found.toString(), clock.nowMs())
  }

  *peers(): Generator<{ peer: PeerId; firstDeliveries: number; available: boolean }, void, undefined> {
    for (const [name, firstDeliveries] of this.#state.members) {
      const peer = this.#fetcher.options.peer(name)
      // The id of a peer that left is not kept; it is listed again when it is back.
      if (peer !== undefined) yield { peer, firstDeliveries, available: true }
    }
  }

  close(reason: Error = new SessionClosedError()): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    const { client, clock } = this.#fetcher.options
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#dialing.abort(reason)
    client.closeSession(this.#state, clock.nowMs())
    for (const waiters of [...this.#waiting.values()]) {
      for (const waiter of [...waiters]) waiter.fail(reason)
    }
    this.#onClosed()
  }

  readonly #onAbort = (): void => {
    this.close(reasonOf(this.#signal))
  }

  /** Waits until the block is here, and takes the want back if nobody waits any more. */
  async #wait(cid: CID, wire: WireCid, options: WantOptions): Promise<Delivery> {
    const { client, notifications, clock } = this.#fetcher.options
    const { signal } = options
    const { key } = wire
    if (this.#closed !== undefined) throw this.#closed
    return await new Promise<Delivery>((resolve, reject) => {
      let settled = false
      const settle = (): void => {
        settled = true
        signal?.removeEventListener('abort', onAbort)
        notifications.remove(key, waiter)
        const waiters = this.#waiting.get(key)
        waiters?.delete(waiter)
        if (waiters?.size !== 0) return
        this.#waiting.delete(key)
        client.unwant(this.#state, key, clock.nowMs())
      }
      const onAbort = (): void => {
        waiter.fail(reasonOf(signal))
      }
      const waiter: Waiter = {
        deliver(delivery) {
          if (settled) return
          settle()
          resolve(delivery)
        },
        fail(error) {
          if (settled) return
          settle()
          reject(error)
        }
      }
      // Waits from here on, before anything is looked up: what is announced meanwhile must not pass by.
      const waiters = this.#waiting.get(key) ?? new Set<Waiter>()
      this.#waiting.set(key, waiters.add(waiter))
      notifications.add(key, waiter)
      signal?.addEventListener('abort', onAbort)
      this.#ask(cid, wire, options, waiter, () => settled).catch((error: unknown) => {
        waiter.fail(error instanceof Error ? error : new Error(String(error)))
      })
    })
  }

  /** Looks for the block where the caller says, then asks other peers. */
  async #ask(cid: CID, wire: WireCid, options: WantOptions, waiter: Waiter, isSettled: () => boolean): Promise<void> {
    const bytes = await options.local?.()
    if (bytes !== undefined) {
      waiter.deliver({ bytes })
      return
    }
    if (isSettled()) return
    this.#fetcher.assertRunning()
    await this.#fetcher.assertVerifiable(cid)
    if (isSettled()) return
    this.#fetcher.options.client.want(this.#state, wire, this.#fetcher.options.clock.nowMs())
    this.#addPeers(options.providers ?? [])
    this.#fetcher.watch()
  }

  /** A provider that cannot be reached is no failure: others may have the block. */
  #addPeers(peers: readonly PeerTarget[]): void {
    for (const peer of peers) this.addPeer(peer, { signal: this.#dialing.signal }).catch(() => undefined)
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new DOMException(String(reason), 'AbortError')
}
