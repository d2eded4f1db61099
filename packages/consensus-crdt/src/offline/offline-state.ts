import type { Logger, OfflineDag, OfflineState, Pages, Pin } from '@cluster/api'
import { CrdtError, DagBlocks, MerkleCrdt, type CrdtPair } from '@cluster/merkle-crdt'
import { DatastoreState, pinToPair } from '@cluster/state'
import type { AbortOptions } from '@libp2p/interface'
import type { CrdtConfig } from '../config.ts'
import { crdtError } from '../crdt-error.ts'
import { CrdtPinStore } from '../pin-store.ts'
import { cleanStore } from './clean-store.ts'
import { CrdtOfflineDag } from './offline-dag.ts'
import { offlineInit, type OfflineStore } from './opened.ts'
import { salvagedPins } from './salvage.ts'

/**
 * The pinset of a peer that does not run. Who uses it holds the lock of the peer's folder.
 *
 * @see wire-crdt.md §1.11
 */
export class CrdtOfflineState implements OfflineState {
  readonly dag: OfflineDag
  readonly #store: OfflineStore

  constructor(context: OfflineStore['context'], config: CrdtConfig) {
    this.#store = { context, namespace: config.datastoreNamespace }
    this.dag = new CrdtOfflineDag(this.#store)
  }

  /**
   * In pinset order; what was acknowledged is in it, also when its batch was never made a block. Of a damaged store it
   * gives what can be read.
   */
  async *export(options: AbortOptions): Pages<Pin> {
    const init = offlineInit(this.#store)
    const { log } = this.#store.context
    try {
      const crdt = await openedUnlessDamaged(init, options, log)
      if (crdt === undefined) {
        yield* salvagedPins(this.#store, options)
        return
      }
      try {
        await crdt.idle(options)
        yield* new DatastoreState(new CrdtPinStore(crdt), { log }).list(options)
      } finally {
        await crdt.close()
      }
    } catch (error) {
      throw crdtError(error)
    }
  }

  /** The same pins in the same order give the same blocks on every peer. */
  async import(pins: Pages<Pin>, options: AbortOptions): Promise<void> {
    try {
      await MerkleCrdt.replace(offlineInit(this.#store), pairsOf(pins), options)
    } catch (error) {
      throw crdtError(error)
    }
  }

  async clean(options: AbortOptions): Promise<void> {
    await cleanStore(this.#store, options)
  }
}

async function openedUnlessDamaged(
  init: ReturnType<typeof offlineInit>,
  options: AbortOptions,
  log: Logger
): Promise<MerkleCrdt | undefined> {
  try {
    return await MerkleCrdt.open({ ...init, blocks: new DagBlocks(init.storage, init.namespace) }, options)
  } catch (error) {
    if (!(error instanceof CrdtError) || error.code !== 'ERR_CRDT_BAD_STORE') throw error
    log.error(`the store is damaged, what can be read of the pinset is exported: ${error.message}`)
    return undefined
  }
}

async function* pairsOf(pins: Pages<Pin>): AsyncGenerator<CrdtPair[]> {
  for await (const page of pins) {
    yield page.map((pin) => {
      const { key, value } = pinToPair(pin)
      return { key: key.toString(), value }
    })
  }
}
