import { MerkleCrdt, type CrdtPair } from '@cluster/merkle-crdt'
import type { AbortOptions } from '@libp2p/interface'
import { crdtError } from '../crdt-error.ts'
import { offlineInit, type OfflineStore } from './opened.ts'

async function* nothing(): AsyncGenerator<readonly CrdtPair[]> {
  await Promise.resolve()
  yield []
}

/**
 * Removes all CRDT data from the datastore. A crash in the middle leaves all of it or nothing: what a half history says
 * would be wrong, so the next start finishes what was begun.
 *
 * @throws {ClusterError}
 * @see wire-crdt.md §1.10
 */
export async function cleanStore(store: OfflineStore, options: AbortOptions): Promise<void> {
  const { datastore, log } = store.context
  log.info('cleaning all CRDT data from datastore')
  try {
    await MerkleCrdt.replace(offlineInit(store), nothing(), options)
    await MerkleCrdt.clean(datastore, store.namespace)
  } catch (error) {
    throw crdtError(error)
  }
}
