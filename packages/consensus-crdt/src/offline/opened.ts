import type { BaseContext } from '@cluster/api'
import { DagBlocks, MerkleCrdt, type CrdtStorage, type MerkleCrdtInit } from '@cluster/merkle-crdt'
import type { AbortOptions } from '@libp2p/interface'
import { crdtError } from '../crdt-error.ts'

/** Where the store of a peer lies that does not run. */
export interface OfflineStore {
  readonly context: BaseContext & { readonly datastore: CrdtStorage }
  readonly namespace: string
}

/** How it is opened: nothing is repaired behind anybody's back. */
export function offlineInit({ context, namespace }: OfflineStore): Omit<MerkleCrdtInit, 'blocks'> {
  const { datastore: storage, clock, random, log } = context
  return { storage, namespace, clock, random, log, repairIntervalMs: 0 }
}

/**
 * Works with the store of a peer that does not run. What was acknowledged and waited for its batch is a block by then,
 * what is here and was not merged is merged.
 *
 * @throws {ClusterError}
 */
export async function withStore<T>(
  store: OfflineStore,
  options: AbortOptions,
  use: (crdt: MerkleCrdt, blocks: DagBlocks) => Promise<T>
): Promise<T> {
  const init = offlineInit(store)
  const blocks = new DagBlocks(init.storage, init.namespace)
  try {
    const crdt = await MerkleCrdt.open({ ...init, blocks }, options)
    try {
      await crdt.idle(options)
      return await use(crdt, blocks)
    } finally {
      await crdt.close()
    }
  } catch (error) {
    throw crdtError(error)
  }
}
