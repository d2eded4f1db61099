import {
  ClusterError,
  pinOf,
  ZERO_PIN_OPTIONS,
  type AddParams,
  type AddTarget,
  type Clock,
  type Logger,
  type Pin,
  type PinOptions
} from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { code as rawCode } from 'multiformats/codecs/raw'
import { identity } from 'multiformats/hashes/identity'
import type { DagNode } from './dag-node.ts'
import { Destination, type Patience } from './destination.ts'

/**
 * Stands for "not known yet" in the pin that asks for allocations: the CID of no bytes.
 *
 * @see behaviours.md §6.8
 */
export const UNKNOWN_CID: CID = CID.createV1(rawCode, identity.digest(new Uint8Array()))

/** What a {@link BlockSender} works with. */
export interface SenderInit {
  readonly params: AddParams
  readonly target: AddTarget
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Logger | undefined
  /** The caller's. */
  readonly signal: AbortSignal | undefined
}

/**
 * Sends every block to every allocated peer at once, as fast as the slowest living one takes them.
 *
 * @see behaviours.md §6.7, §6.8
 */
export class BlockSender {
  readonly #init: SenderInit
  readonly #abort = new AbortController()
  #allocations: readonly PeerId[] | undefined
  #destinations: readonly Destination[] = []
  #lastTwo: readonly CID[] = []

  constructor(init: SenderInit) {
    this.#init = init
  }

  /** Aborted when all destinations have failed, or by {@link BlockSender.stop}. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The peers that were allocated; nothing before the first block. */
  get allocations(): readonly PeerId[] | undefined {
    return this.#allocations
  }

  /**
   * Queues a block and waits until there is room for the next.
   *
   * @throws {ClusterError} `ADD_FAILED` when no destination is left
   */
  async put({ cid, bytes, cumSize }: DagNode): Promise<void> {
    if (this.#lastTwo.some((sent) => sent.equals(cid))) return
    this.#lastTwo = [...this.#lastTwo.slice(-1), cid]
    if (this.#allocations === undefined) await this.#open()
    const block = { cid, data: bytes, cumSize: BigInt(cumSize) }
    for (const destination of this.#destinations) destination.push(block)
    for (const destination of this.#destinations) {
      while (destination.isFull && !this.signal.aborted) await destination.room()
    }
    this.signal.throwIfAborted()
  }

  /**
   * Ends the streams and waits until everything is stored.
   *
   * @throws {ClusterError} `ADD_FAILED` when no destination is left
   */
  async finish(): Promise<void> {
    await Promise.all(this.#destinations.map((destination) => destination.end()))
    this.signal.throwIfAborted()
    for (const { peer, failure } of this.#destinations) {
      if (failure === undefined) continue
      this.#init.log?.warn('a peer did not get all blocks; it will fetch them when it pins', {
        peer: peer.toString(),
        error: failure.message
      })
    }
  }

  /** The data pin of a finished root, with the allocations that its blocks went to. */
  pinOf(root: CID): Pin {
    const pin = pinOf(root, this.#pinOptions())
    return { ...pin, allocations: pin.replicationFactorMin < 0 ? [] : (this.#allocations ?? []) }
  }

  /** Ends everything at once. */
  stop(reason: ClusterError): void {
    this.#abort.abort(reason)
    for (const destination of this.#destinations) destination.drop(reason)
  }

  async #open(): Promise<void> {
    const { params, target, patience, clock, signal } = this.#init
    const options = signal === undefined ? {} : { signal }
    const allocated = await target.blockAllocate(pinOf(UNKNOWN_CID, this.#pinOptions()), options)
    this.#allocations = params.local ? withSelf(allocated, target.self, params) : allocated
    this.signal.throwIfAborted()
    const receivers = params.local ? [target.self] : this.#allocations
    this.#destinations = receivers.map(
      (peer) =>
        new Destination(
          peer,
          (blocks, streamSignal) => target.blockStream(peer, blocks, { signal: streamSignal }),
          patience,
          clock,
          () => {
            this.#onFail()
          }
        )
    )
    for (const destination of this.#destinations) destination.start()
    if (receivers.length === 0) this.#onFail()
  }

  #onFail(): void {
    const failures = this.#destinations.map(({ failure }) => failure)
    if (failures.includes(undefined)) return
    const cause = new AggregateError(failures)
    this.#abort.abort(new ClusterError('ADD_FAILED', 'failed to put block on all destinations', { cause }))
  }

  /** The mode of added content is recursive, and it follows up no other pin; shard sizes are for shards. */
  #pinOptions(): PinOptions {
    const { params } = this.#init
    const { replicationFactorMin, replicationFactorMax, name, userAllocations, expireAt, metadata, origins } = params
    const own = { replicationFactorMin, replicationFactorMax, name, userAllocations, expireAt, metadata, origins }
    return { ...ZERO_PIN_OPTIONS, ...own }
  }
}

/** With `local`, this peer takes the place of the last one allocated, unless the user chose the peers. */
function withSelf(allocated: readonly PeerId[], self: PeerId, params: AddParams): readonly PeerId[] {
  if (allocated.length === 0) return [self]
  const chosen = (params.userAllocations ?? []).length > 0
  if (chosen || allocated.some((peer) => peer.equals(self))) return allocated
  return [...allocated.slice(0, -1), self]
}
