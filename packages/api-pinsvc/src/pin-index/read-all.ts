import type { PeerDatastore } from '@cluster/api'
import type { Key } from 'interface-datastore'

/** The values of some keys, in their order; `undefined` for one that is not there. */
export async function readAll(
  store: PeerDatastore,
  keys: readonly Key[]
): Promise<readonly (Uint8Array | undefined)[]> {
  if (keys.length === 0) return []
  if (store.readMany !== undefined) return await store.readMany(keys)
  return await Promise.all(
    keys.map(async (key) => {
      try {
        return await store.get(key)
      } catch (error) {
        if (error instanceof Error && error.name === 'NotFoundError') return undefined
        throw error
      }
    })
  )
}
