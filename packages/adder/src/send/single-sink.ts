import {
  ClusterError,
  pinOf,
  toClusterError,
  type AddedOutput,
  type AddParams,
  type AddTarget,
  type Clock,
  type Logger,
  type Pin
} from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { DagNode } from '../dag/dag-node.ts'
import { allocate, pinOptionsOf } from './allocate.ts'
import type { BlockSink } from './block-sink.ts'
import type { Patience } from './destination.ts'
import { Fanout } from './fanout.ts'

/** What a sink works with. */
export interface SinkInit {
  readonly params: AddParams
  readonly target: AddTarget
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Logger | undefined
  /** The caller's. */
  readonly signal: AbortSignal | undefined
}

/**
 * Sends all blocks to the peers of one allocation, then pins each root there.
 *
 * @see behaviours.md §6.8
 */
export class SingleSink implements BlockSink {
  readonly #init: SinkInit
  readonly #abort = new AbortController()
  readonly #roots = new Map<string, CID>()
  #allocations: readonly PeerId[] | undefined
  #fanout: Fanout | undefined
  #lastTwo: readonly CID[] = []
  #last: CID | undefined

  constructor(init: SinkInit) {
    this.#init = init
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get allocations(): readonly PeerId[] | undefined {
    return this.#allocations
  }

  async put(node: DagNode): Promise<void> {
    if (this.#lastTwo.some((sent) => sent.equals(node.cid))) return
    this.#lastTwo = [...this.#lastTwo.slice(-1), node.cid]
    await this.open()
    await this.#fanout?.put(node)
    this.signal.throwIfAborted()
  }

  takeEvents(): readonly AddedOutput[] {
    return []
  }

  roots(cids: readonly CID[]): Promise<void> {
    for (const cid of cids) this.#roots.set(cid.toString(), cid)
    this.#last = cids.at(-1) ?? this.#last
    return Promise.resolve()
  }

  async finish(): Promise<CID> {
    await this.#fanout?.finish()
    this.signal.throwIfAborted()
    const last = this.#last
    if (last === undefined) throw new ClusterError('INTERNAL', 'an add without a root')
    if (!this.#init.params.noPin) await this.#pinAll([...this.#roots.values()])
    return last
  }

  stop(reason: ClusterError): void {
    this.#abort.abort(reason)
    this.#fanout?.stop(reason)
  }

  /** Nothing is pinned before everything is stored; roots that were pinned already are content of their own. */
  undo(): Promise<void> {
    return Promise.resolve()
  }

  async open(): Promise<void> {
    if (this.#fanout !== undefined) return
    const { params, target, signal } = this.#init
    const allocated = await allocate(target, params, signal)
    this.#allocations = params.local ? withSelf(allocated, target.self, params) : allocated
    this.signal.throwIfAborted()
    const receivers = params.local ? [target.self] : this.#allocations
    this.#fanout = new Fanout(receivers, this.#init, (error) => {
      this.#abort.abort(error)
    })
  }

  async #pinAll(roots: readonly CID[]): Promise<void> {
    const { target, signal, log } = this.#init
    for (const [count, root] of roots.entries()) {
      try {
        await target.pin(this.#pinOf(root), signal === undefined ? {} : { signal })
      } catch (error) {
        if (count === 0) throw error
        // Those before it are content of their own and stay, which is to be known.
        const { code, message } = toClusterError(error, 'ADD_FAILED')
        const stays = `${count} of ${roots.length} roots stay pinned, the last of them ${String(roots[count - 1])}`
        log?.warn('an add failed while its roots were pinned', { error: message, stays })
        throw new ClusterError(code, `${message}; ${stays}`, { cause: error })
      }
    }
  }

  /** The data pin of a finished root, with the allocations that its blocks went to. */
  #pinOf(root: CID): Pin {
    const pin = pinOf(root, pinOptionsOf(this.#init.params))
    return { ...pin, allocations: pin.replicationFactorMin < 0 ? [] : (this.#allocations ?? []) }
  }
}

/** With `local`, this peer takes the place of the last one allocated, unless the user chose the peers. */
function withSelf(allocated: readonly PeerId[], self: PeerId, params: AddParams): readonly PeerId[] {
  if (allocated.length === 0) return [self]
  const chosen = (params.userAllocations ?? []).length > 0
  if (chosen || allocated.some((peer) => peer.equals(self))) return allocated
  return [...allocated.slice(0, -1), self]
}
