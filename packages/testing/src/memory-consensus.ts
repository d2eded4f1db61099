import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  ClusterError,
  pinsetKey,
  toClusterError,
  type Consensus,
  type ConsensusTraits,
  type ListOptions,
  type Pages,
  type Pin,
  type PinsetChange,
  type PinsetOperation,
  type ReadonlyState
} from '@cluster/api'

/** What a consensus in memory can be told. */
export interface MemoryConsensusOptions {
  readonly self: PeerId
  /** The members without this peer, by what the caller keeps. */
  readonly others?: () => readonly PeerId[]
  readonly traits?: Partial<ConsensusTraits>
  readonly isTrusted?: (peer: PeerId) => boolean
}

/** A pinset that all peers of one process share: each commit is at once everywhere. */
export class MemoryPinset implements ReadonlyState {
  readonly #pins = new Map<string, Pin>()
  readonly #feeds = new Set<(changes: readonly PinsetChange[]) => void>()

  get(cid: CID): Promise<Pin | undefined> {
    return Promise.resolve(this.#pins.get(pinsetKey(cid)))
  }

  async *list({ after, limit = Infinity, signal }: ListOptions): Pages<Pin> {
    const afterKey = after === undefined ? '' : pinsetKey(after)
    const keys = [...this.#pins.keys()].filter((key) => key > afterKey).sort()
    for (const key of keys.slice(0, limit)) {
      if (signal?.aborted === true) throw toClusterError(signal.reason, 'ABORTED')
      const pin = this.#pins.get(key)
      if (pin !== undefined) yield await Promise.resolve([pin])
    }
  }

  /** Changes the pinset for everybody. */
  apply(ops: readonly PinsetOperation[]): void {
    for (const op of ops) {
      if (op.type === 'pin') this.#pins.set(pinsetKey(op.pin.cid), stored(op.pin))
      else this.#pins.delete(pinsetKey(op.cid))
    }
    for (const feed of this.#feeds) feed(ops)
  }

  /** Calls back with each change; returns what ends it. */
  follow(feed: (changes: readonly PinsetChange[]) => void): () => void {
    this.#feeds.add(feed)
    return () => this.#feeds.delete(feed)
  }
}

/** A consensus in memory over a shared pinset. It cannot take members out, as CRDT cannot. */
export class MemoryConsensus implements Consensus {
  readonly traits: ConsensusTraits
  readonly pinset: MemoryPinset
  readonly #options: MemoryConsensusOptions
  #isReady = Promise.withResolvers<undefined>()
  #isStopped = false

  constructor(pinset: MemoryPinset, options: MemoryConsensusOptions) {
    this.pinset = pinset
    this.#options = options
    this.traits = { readyTimeoutMs: 60_000, membership: 'metrics', secretIsTrust: false, ...options.traits }
  }

  start(): void {
    this.#isReady.resolve(undefined)
  }

  stop(): void {
    this.#isStopped = true
  }

  async ready(): Promise<void> {
    await this.#isReady.promise
  }

  async *changes({ signal }: { readonly signal?: AbortSignal }): AsyncGenerator<readonly PinsetChange[]> {
    let waiting: PinsetChange[] = [{ type: 'resync' }]
    let wake = (): void => undefined
    const unfollow = this.pinset.follow((changes) => {
      waiting.push(...changes)
      wake()
    })
    signal?.addEventListener('abort', () => {
      wake()
    })
    try {
      while (signal?.aborted !== true) {
        if (waiting.length > 0) {
          const changes = waiting
          waiting = []
          yield changes
          continue
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      unfollow()
    }
  }

  commit(ops: readonly PinsetOperation[]): Promise<readonly (ClusterError | undefined)[]> {
    if (this.#isStopped) return Promise.resolve(ops.map(() => new ClusterError('STOPPED', 'consensus is shutdown')))
    this.pinset.apply(ops)
    return Promise.resolve(ops.map(() => undefined))
  }

  waitForSync(): Promise<void> {
    return Promise.resolve()
  }

  peers(): Promise<readonly PeerId[]> {
    if (this.#isStopped) return Promise.reject(new ClusterError('STOPPED', 'consensus is shutdown'))
    const { self, others = () => [] } = this.#options
    return Promise.resolve([self, ...others().filter((peer) => !peer.equals(self))])
  }

  leader(): Promise<PeerId> {
    return Promise.reject(new ClusterError('NOT_SUPPORTED', 'crdt consensus component does not provide a leader'))
  }

  addPeer(): Promise<void> {
    return Promise.resolve()
  }

  rmPeer(): Promise<void> {
    return Promise.reject(new ClusterError('NOT_SUPPORTED', 'crdt consensus component cannot remove peers'))
  }

  isTrusted(peer: PeerId): boolean {
    return peer.equals(this.#options.self) || this.#options.isTrusted?.(peer) !== false
  }

  clean(): Promise<void> {
    return Promise.resolve()
  }
}

/** A pin as it reads back from a store: without what the store does not hold. */
function stored(pin: Pin): Pin {
  const seconds = (time: bigint | undefined): bigint | undefined =>
    time === undefined ? undefined : (time / 1_000_000_000n) * 1_000_000_000n
  return {
    ...pin,
    mode: pin.maxDepth === 0 ? 1 : 0,
    userAllocations: undefined,
    timestamp: seconds(pin.timestamp),
    expireAt: seconds(pin.expireAt)
  }
}
