import { decode } from '@ipld/dag-cbor'
import type { AbortOptions } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { ClusterError, PinType, toClusterError, type Pin } from '@cluster/api'
import type { CoreCollaborators } from './collaborators.ts'

/** What is said of a CID that nobody wants pinned. HTTP maps this text to 404. */
function notInPinset(): ClusterError {
  return new ClusterError('NOT_IN_PINSET', 'pin is not part of the pinset')
}

type Needs = Pick<CoreCollaborators, 'consensus' | 'ipfs'>

/** The pin of a CID. @throws {ClusterError} `NOT_IN_PINSET` */
export async function pinned({ consensus }: Pick<Needs, 'consensus'>, cid: CID, options: AbortOptions): Promise<Pin> {
  const pin = await consensus.pinset.get(cid, options)
  if (pin === undefined) throw notInPinset()
  return pin
}

/**
 * The CIDs that a pin stands for: itself, or of sharded content the shards, the cluster DAG and last the pin itself.
 *
 * @throws {ClusterError} `CORRUPT` when the pins do not fit together, `IPFS` when the cluster DAG cannot be read
 * @see behaviours.md §1.15
 */
export async function cidsOf(core: Needs, pin: Pin, options: AbortOptions): Promise<readonly CID[]> {
  if (pin.type !== PinType.meta) return [pin.cid]
  if (pin.reference === undefined) throw new ClusterError('CORRUPT', 'metaPin.Reference is unset')
  const dag = await pinned(core, pin.reference, options).catch((error: unknown) => {
    const { message } = toClusterError(error)
    throw new ClusterError('CORRUPT', `could not get clusterDAG pin from state. Malformed pin?: ${message}`)
  })
  return [...(await shardsOf(core, dag.cid, options)), dag.cid, pin.cid]
}

/** The shards that a cluster DAG links to, ascending. */
export async function shardsOf(
  { ipfs }: Pick<Needs, 'ipfs'>,
  dag: CID,
  options: AbortOptions
): Promise<readonly CID[]> {
  const block = await ipfs.blockGet(dag, options).catch((error: unknown) => {
    throw new ClusterError('IPFS', `error reading clusterDAG block from ipfs: ${toClusterError(error).message}`)
  })
  try {
    const links: unknown = decode(block)
    if (typeof links !== 'object' || links === null) throw new TypeError('not a map')
    return Object.entries(links)
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([key, link]: [string, unknown]) => {
        const shard = CID.asCID(link)
        if (shard === null) throw new TypeError(`${key} is not a link`)
        return shard
      })
  } catch (error) {
    throw new ClusterError('CORRUPT', `error parsing clusterDAG block: ${toClusterError(error).message}`)
  }
}
