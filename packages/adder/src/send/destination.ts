import { ClusterError, type Clock, type NodeWithMeta } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'

/** Most blocks that wait for one destination; the blocks themselves are shared by all destinations. */
const MAX_QUEUED_BLOCKS = 256
/** Most bytes that wait for one destination, but for one block, which always finds room. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024

/** How long a destination may do nothing, in milliseconds. */
export interface Patience {
  /** Not taking a block that waits. */
  readonly stallTimeoutMs: number
  /** Not ending the stream after the last block was taken. */
  readonly finishTimeoutMs: number
  /** Holding up others who could go on, and for half of the time that the add takes. */
  readonly lagTimeoutMs: number
}

/** Sends blocks to a peer; ends when it has stored them all. */
export type SendBlocks = (blocks: AsyncIterable<NodeWithMeta>, signal: AbortSignal) => Promise<void>

/**
 * One receiver of blocks: a bounded queue with back-pressure in front of a block stream. It fails when the stream
 * fails, ends early, or takes nothing for too long; then it swallows everything.
 *
 * @see behaviours.md §6.7
 */
export class Destination {
  readonly peer: PeerId
  readonly #patience: Patience
  readonly #clock: Clock
  readonly #send: SendBlocks
  readonly #onFail: () => void
  readonly #abort = new AbortController()
  readonly #queue: NodeWithMeta[] = []
  readonly #done = Promise.withResolvers<undefined>()
  #queuedBytes = 0
  #ended = false
  #settled = false
  #failure: ClusterError | undefined
  /** When the destination began to owe us something. */
  #owesSinceMs = 0
  #cancelTimer: (() => void) | undefined
  #wakeReader: (() => void) | undefined
  #room = Promise.withResolvers<undefined>()

  constructor(peer: PeerId, send: SendBlocks, patience: Patience, clock: Clock, onFail: () => void) {
    this.peer = peer
    this.#patience = patience
    this.#clock = clock
    this.#send = send
    this.#onFail = onFail
  }

  /** Opens the stream. */
  start(): void {
    void this.#run()
  }

  /** Why it failed, if it did. */
  get failure(): ClusterError | undefined {
    return this.#failure
  }

  /** Whether it has stored everything, or has failed. */
  get isSettled(): boolean {
    return this.#settled
  }

  /** Whether a producer should wait before the next block. */
  get isFull(): boolean {
    const full = this.#queue.length >= MAX_QUEUED_BLOCKS || this.#queuedBytes >= MAX_QUEUED_BYTES
    return full && this.#failure === undefined
  }

  push(block: NodeWithMeta): void {
    if (this.#failure !== undefined || this.#ended) return
    this.#queue.push(block)
    this.#queuedBytes += block.data.length
    if (this.#queue.length === 1) this.#owes()
    this.#wakeReader?.()
  }

  /** Resolves when there may be room again, also when the destination has failed. */
  room(): Promise<undefined> {
    return this.#room.promise
  }

  /** No more blocks. Resolves when all are stored, or the destination has failed. Never rejects. */
  end(): Promise<undefined> {
    if (!this.#ended) {
      this.#ended = true
      this.#owes()
      this.#wakeReader?.()
    }
    return this.#done.promise
  }

  /** Gives up on it. */
  drop(error: ClusterError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#queue.length = 0
    this.#settle()
    this.#wakeReader?.()
    this.#abort.abort(error)
    this.#onFail()
  }

  async #run(): Promise<void> {
    try {
      await this.#send(this.#blocks(), this.#abort.signal)
      if (!this.#ended || this.#queue.length > 0) throw new Error('the block stream ended early')
      this.#settle()
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.drop(new ClusterError('ADD_FAILED', `sending blocks to ${this.peer.toString()}: ${text}`, { cause: error }))
    }
  }

  async *#blocks(): AsyncGenerator<NodeWithMeta, void, undefined> {
    for (;;) {
      const block = this.#queue.shift()
      if (block !== undefined) {
        this.#queuedBytes -= block.data.length
        this.#owes()
        if (!this.isFull) this.#makeRoom()
        yield block
      } else if (this.#failure !== undefined) {
        throw this.#failure
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve
        })
        this.#wakeReader = undefined
      }
    }
  }

  #makeRoom(): void {
    this.#room.resolve(undefined)
    this.#room = Promise.withResolvers()
  }

  #settle(): void {
    this.#settled = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#makeRoom()
    this.#done.resolve(undefined)
  }

  /** Something happened, or something is wanted: the time limit starts anew. */
  #owes(): void {
    if (this.#settled) return
    this.#owesSinceMs = this.#clock.nowMs()
    if (this.#cancelTimer === undefined) this.#watch()
  }

  /** One timer per limit, not one per block: it looks when it fires whether anything has happened meanwhile. */
  #watch(): void {
    this.#cancelTimer = this.#clock.setTimer(this.#deadlineMs(), () => {
      this.#cancelTimer = undefined
      if (this.#queue.length === 0 && !this.#ended) return
      if (this.#clock.nowMs() < this.#deadlineMs()) {
        this.#watch()
        return
      }
      const text = `sending blocks to ${this.peer.toString()}: nothing moved for too long`
      this.drop(new ClusterError('TIMEOUT', text))
    })
  }

  #deadlineMs(): number {
    const finishing = this.#ended && this.#queue.length === 0
    return this.#owesSinceMs + (finishing ? this.#patience.finishTimeoutMs : this.#patience.stallTimeoutMs)
  }
}
