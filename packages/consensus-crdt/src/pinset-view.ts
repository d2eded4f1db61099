import { PEER_METRICS, type ListOptions, type Logger, type Pages, type Pin, type ReadonlyState } from '@cluster/api'
import type { MerkleCrdt } from '@cluster/merkle-crdt'
import { DatastoreState } from '@cluster/state'
import type { AbortOptions, Metrics } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { CrdtPinStore } from './pin-store.ts'

/** What a view of the pinset is made of. */
export interface PinsetViewInit {
  /** The store, once it is open. */
  readonly open: (signal: AbortSignal | undefined) => Promise<MerkleCrdt>
  /** By how many keys the store grew since it was opened. */
  readonly growth: () => number
  readonly log: Logger
  readonly metrics: Metrics | undefined
}

/**
 * The pinset as others read it: straight from the store, without a copy; readers wait until it is open. It counts the
 * pins as well.
 *
 * @see wire-crdt.md §1.9
 */
export class PinsetView implements ReadonlyState {
  readonly #init: PinsetViewInit
  /** Pins of the last full listing, less what the store had grown by then. */
  #pinsBefore = 0

  constructor(init: PinsetViewInit) {
    this.#init = init
    const { name, help } = PEER_METRICS.pins
    init.metrics?.registerMetric(name, { help, calculate: () => this.#pinCount() })
  }

  async get(cid: CID, options: AbortOptions): Promise<Pin | undefined> {
    return (await this.#state(options)).get(cid, options)
  }

  async *list(options: ListOptions): Pages<Pin> {
    const state = await this.#state(options)
    const growth = this.#init.growth()
    let listed = 0
    for await (const page of state.list(options)) {
      listed += page.length
      yield page
    }
    if (options.after === undefined && options.limit === undefined) this.#pinsBefore = listed - growth
  }

  async #state({ signal }: AbortOptions): Promise<DatastoreState> {
    return new DatastoreState(new CrdtPinStore(await this.#init.open(signal)), { log: this.#init.log })
  }

  /** Exact from the first full listing on, which the tracker does at the start; other keys of the store count too. */
  #pinCount(): number {
    return Math.max(0, this.#pinsBefore + this.#init.growth())
  }
}
