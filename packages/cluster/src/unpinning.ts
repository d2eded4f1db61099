import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { ClusterError, itemsOf, PinType, pinsetKey, type Pin } from '@cluster/api'
import type { CoreCollaborators } from './collaborators.ts'
import { cidsOf, shardsOf } from './meta-pin.ts'

/**
 * What has to leave the pinset with a pin, in order. Shards that other sharded content shares stay.
 *
 * @throws {ClusterError} `BAD_PIN` for parts of sharded content, which go with their root
 * @see behaviours.md §1.15
 */
export async function unpinsOf(
  core: Pick<CoreCollaborators, 'consensus' | 'ipfs'>,
  pin: Pin,
  options: AbortOptions
): Promise<readonly CID[]> {
  switch (pin.type) {
    case PinType.shard:
      throw new ClusterError('BAD_PIN', 'cannot unpin a shard directly. Unpin content root CID instead')
    case PinType.clusterDag:
      throw new ClusterError('BAD_PIN', 'cannot unpin a Cluster DAG directly. Unpin content root CID instead')
    case PinType.meta: {
      const cids = await cidsOf(core, pin, options)
      const shared = await sharedShards(core, pin, new Set(cids.slice(0, -2).map(pinsetKey)), options)
      return cids.filter((cid) => !shared.has(pinsetKey(cid)))
    }
    default:
      // Data, and pins of no type, which could otherwise never be removed.
      return [pin.cid]
  }
}

/** Which of some shards other cluster DAGs link to. Their blocks are read only when there are others at all. */
async function sharedShards(
  core: Pick<CoreCollaborators, 'consensus' | 'ipfs'>,
  meta: Pin,
  shards: ReadonlySet<string>,
  options: AbortOptions
): Promise<ReadonlySet<string>> {
  const shared = new Set<string>()
  for await (const other of itemsOf(core.consensus.pinset.list(options))) {
    if (other.type !== PinType.clusterDag || other.cid.equals(meta.reference)) continue
    const links = await shardsOf(core, other.cid, options).catch(() => undefined)
    options.signal?.throwIfAborted()
    // What cannot be read might share all of them, and a shard too many is better than content with a hole.
    if (links === undefined) return shards
    for (const key of links.map(pinsetKey)) if (shards.has(key)) shared.add(key)
  }
  return shared
}
