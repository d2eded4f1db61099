import type { BaseContext, OfflineState, Pages, PeerDatastore, Pin } from '@cluster/api'
import { DagBlocks, MerkleCrdt, type CrdtPair, type MerkleCrdtInit } from '@cluster/merkle-crdt'
import { DatastoreState, pinToPair } from '@cluster/state'
import type { AbortOptions } from '@libp2p/interface'
import type { CrdtConfig } from './config.ts'
import { crdtError } from './crdt-error.ts'
import { CrdtPinStore } from './pin-store.ts'

/**
 * The pinset of a peer that does not run. Who uses it holds the lock of the peer's folder.
 *
 * @see wire-crdt.md §1.11
 */
export class CrdtOfflineState implements OfflineState {
  readonly #context: BaseContext & { readonly datastore: PeerDatastore }
  readonly #namespace: string

  constructor(context: BaseContext & { readonly datastore: PeerDatastore }, config: CrdtConfig) {
    this.#context = context
    this.#namespace = config.datastoreNamespace
  }

  #init(): Omit<MerkleCrdtInit, 'blocks'> {
    const { datastore: storage, clock, random, log } = this.#context
    return { storage, namespace: this.#namespace, clock, random, log, repairIntervalMs: 0 }
  }

  async *export(options: AbortOptions): Pages<Pin> {
    const init = this.#init()
    const crdt = await MerkleCrdt.open({ ...init, blocks: new DagBlocks(init.storage, init.namespace) }, options)
    try {
      yield* new DatastoreState(new CrdtPinStore(crdt), { log: this.#context.log }).list(options)
    } finally {
      await crdt.close()
    }
  }

  /** The same pins in the same order give the same blocks on every peer. */
  async import(pins: Pages<Pin>, options: AbortOptions): Promise<void> {
    try {
      await MerkleCrdt.replace(this.#init(), pairsOf(pins), options)
    } catch (error) {
      throw crdtError(error)
    }
  }

  async clean(options: AbortOptions): Promise<void> {
    await MerkleCrdt.clean(this.#context.datastore, this.#namespace, options)
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
