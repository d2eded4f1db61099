import { itemsOf, pinOf, type OfflineDag, type OfflineState, type Pages, type Pin } from '@cluster/api'
import type { MemoryDatastore } from '@cluster/testing'
import { testCid, testContext } from '@cluster/testing'
import crdt, { crdtConfig } from '../index.ts'

/** The state of a peer that does not run, over a datastore. */
export function offlineOf(datastore: MemoryDatastore): OfflineState & { readonly dag: OfflineDag } {
  const state = crdt.offline?.({ ...testContext(), datastore }, crdtConfig.defaults)
  if (state?.dag === undefined) throw new Error('no offline state')
  return state as OfflineState & { readonly dag: OfflineDag }
}

export const pinNamed = (index: number, name = 'a pin'): Pin =>
  pinOf(testCid(index), { name, replicationFactorMin: -1, replicationFactorMax: -1 })

export async function* pagesOf(pins: readonly Pin[]): Pages<Pin> {
  for (const pin of pins) yield await Promise.resolve([pin])
}

/** CIDs and names of what an export gives, in its order. */
export async function exported(state: OfflineState): Promise<string[]> {
  const found: string[] = []
  for await (const { cid, name } of itemsOf(state.export({}))) found.push(`${cid.toString()} ${name}`)
  return found
}
