import { ClusterError, type AddTarget, type Clock, type Logger, type NodeWithMeta } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { DagNode } from '../dag/dag-node.ts'
import { Destination, type Patience } from './destination.ts'
import { Lag } from './lag.ts'

/** What a {@link Fanout} works with. */
export interface FanoutInit {
  readonly target: Pick<AddTarget, 'blockStream'>
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Logger | undefined
}

/**
 * Sends every block to every one of some peers at once. The slowest one sets the pace, but not for long: one that is
 * less than half as fast as the others is dropped, and gets the content when it pins it.
 *
 * @see behaviours.md §6.7
 */
export class Fanout {
  readonly #init: FanoutInit
  readonly #lag: Lag
  readonly #destinations: readonly Destination[]
  readonly #onFail: (error: ClusterError) => void
  #failure: ClusterError | undefined

  /** @param onFail - called once, when no destination is left */
  constructor(peers: readonly PeerId[], init: FanoutInit, onFail: (error: ClusterError) => void) {
    const { target, patience, clock } = init
    this.#init = init
    this.#lag = new Lag(patience.lagTimeoutMs, clock.nowMs())
    this.#onFail = onFail
    this.#destinations = peers.map(
      (peer) =>
        new Destination(
          peer,
          (blocks, signal) => target.blockStream(peer, blocks, { signal }),
          patience,
          clock,
          () => {
            this.#checkAlive()
          }
        )
    )
    for (const destination of this.#destinations) destination.start()
    this.#checkAlive()
  }

  /**
   * Queues a block and waits until there is room for the next.
   *
   * @throws {ClusterError} `ADD_FAILED` when no destination is left
   */
  async put({ cid, bytes, cumSize }: DagNode): Promise<void> {
    const block: NodeWithMeta = { cid, data: bytes, cumSize: BigInt(cumSize) }
    for (const destination of this.#destinations) destination.push(block)
    for (let full = this.#full(); full.length > 0; full = this.#full()) {
      const living = this.#destinations.filter(({ failure }) => failure === undefined)
      await this.#wait(full, Promise.race(full.map((one) => one.room())), full.length < living.length)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  #full(): Destination[] {
    return this.#failure === undefined ? this.#destinations.filter(({ isFull }) => isFull) : []
  }

  /**
   * Ends the streams and waits until everything is stored.
   *
   * @throws {ClusterError} `ADD_FAILED` when no destination is left
   */
  async finish(): Promise<void> {
    const ends = this.#destinations.map((destination) => ({ destination, ended: destination.end() }))
    for (let open = ends; open.length > 0; open = open.filter(({ destination }) => !destination.isSettled)) {
      const isOneDone = ends.some(({ destination }) => destination.isSettled && destination.failure === undefined)
      const late = open.map(({ destination }) => destination)
      await this.#wait(late, Promise.race(open.map(({ ended }) => ended)), isOneDone)
    }
    if (this.#failure !== undefined) throw this.#failure
    for (const { peer, failure } of this.#destinations) {
      if (failure === undefined) continue
      this.#init.log?.warn('a peer did not get all blocks; it will fetch them when it pins', {
        peer: peer.toString(),
        error: failure.message
      })
    }
  }

  /** Ends everything at once. */
  stop(reason: ClusterError): void {
    this.#failure ??= reason
    for (const destination of this.#destinations) destination.drop(reason)
  }

  /** Waits for those who are late. They are dropped if they have held up the others for too long. */
  async #wait(late: readonly Destination[], event: Promise<unknown>, isHoldingUp: boolean): Promise<void> {
    if (!isHoldingUp) {
      await event
      return
    }
    const { clock } = this.#init
    const beginMs = clock.nowMs()
    const dueMs = (one: Destination): number => this.#lag.dueMs(one, beginMs)
    const due = Promise.withResolvers<undefined>()
    const cancel = clock.setTimer(Math.min(...late.map(dueMs)), () => {
      due.resolve(undefined)
    })
    await Promise.race([event, due.promise])
    cancel()
    const nowMs = clock.nowMs()
    for (const one of late) {
      if (!one.isSettled && nowMs >= dueMs(one)) {
        const text = `sending blocks to ${one.peer.toString()}: less than half as fast as the others`
        one.drop(new ClusterError('TIMEOUT', text))
      }
      this.#lag.add(one, nowMs - beginMs)
    }
  }

  #checkAlive(): void {
    const failures = this.#destinations.map(({ failure }) => failure)
    if (this.#failure !== undefined || failures.includes(undefined)) return
    const cause = new AggregateError(failures)
    this.#failure = new ClusterError('ADD_FAILED', 'failed to put block on all destinations', { cause })
    this.#onFail(this.#failure)
  }
}
