import type { PeerDatastore } from '@cluster/api'
import type { CoreMemory } from '@cluster/cluster'
import { Key } from 'interface-datastore'

/** Where the core's value lies: beside the namespaces of the consensus and the tracker. */
const KEY = new Key('/upkeep/services')

/** The memory of the core, in the peer's store. */
export function coreMemory(datastore: PeerDatastore): CoreMemory {
  return {
    async load() {
      return (await datastore.has(KEY)) ? await datastore.get(KEY) : undefined
    },
    async save(value) {
      await datastore.commit([{ put: { key: KEY, value } }], { durable: true })
    }
  }
}
