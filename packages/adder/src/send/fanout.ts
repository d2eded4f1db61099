import { ClusterError, type AddTarget, type Clock, type Logger, type NodeWithMeta } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { DagNode } from '../dag/dag-node.ts'
import { Destination, type Patience } from './destination.ts'

/** What a {@link Fanout} works with. */
export interface FanoutInit {
  readonly target: Pick<AddTarget, 'blockStream'>
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Logger | undefined
}

/**
 * Sends every block to every one of some peers at once, as fast as the slowest living one takes them.
 *
 * @see behaviours.md §6.7
 */
export class Fanout {
  readonly #log: Logger | undefined
  readonly #destinations: readonly Destination[]
  readonly #onFail: (error: ClusterError) => void
  #failure: ClusterError | undefined

  /** @param onFail - called once, when no destination is left */
  constructor(
    peers: readonly PeerId[],
    { target, patience, clock, log }: FanoutInit,
    onFail: (error: ClusterError) => void
  ) {
    this.#log = log
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
    for (const destination of this.#destinations) {
      while (destination.isFull && this.#failure === undefined) await destination.room()
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /**
   * Ends the streams and waits until everything is stored.
   *
   * @throws {ClusterError} `ADD_FAILED` when no destination is left
   */
  async finish(): Promise<void> {
    await Promise.all(this.#destinations.map((destination) => destination.end()))
    if (this.#failure !== undefined) throw this.#failure
    for (const { peer, failure } of this.#destinations) {
      if (failure === undefined) continue
      this.#log?.warn('a peer did not get all blocks; it will fetch them when it pins', {
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

  #checkAlive(): void {
    const failures = this.#destinations.map(({ failure }) => failure)
    if (this.#failure !== undefined || failures.includes(undefined)) return
    const cause = new AggregateError(failures)
    this.#failure = new ClusterError('ADD_FAILED', 'failed to put block on all destinations', { cause })
    this.#onFail(this.#failure)
  }
}
