import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** The IPFS node beside a peer; only `error` is set when it could not be asked. */
export interface IPFSID {
  readonly id: PeerId | undefined
  readonly addresses: readonly Multiaddr[] | undefined
  readonly error: string
}

/**
 * A peer of the cluster as it describes itself; of one that could not be asked only `id` and `error` are set.
 *
 * @see wire-host-rpc.md §4.4
 */
export interface ID {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[] | undefined
  readonly clusterPeers: readonly PeerId[] | undefined
  readonly clusterPeersAddresses: readonly Multiaddr[] | undefined
  readonly version: string
  readonly commit: string
  readonly rpcProtocolVersion: string
  readonly error: string
  readonly ipfs: IPFSID
  readonly peername: string
}

/** The {@link ID} of a peer that could not be asked. */
export function unreachableId(id: PeerId, error: string): ID {
  const nothing = { addresses: undefined, clusterPeers: undefined, clusterPeersAddresses: undefined }
  const ipfs = { id: undefined, addresses: undefined, error: '' }
  return { id, ...nothing, version: '', commit: '', rpcProtocolVersion: '', error, ipfs, peername: '' }
}

/** The version of a peer's software. */
export interface Version {
  readonly version: string
}

/** The version that this implementation stands in for, as Go peers and clients expect it. */
export const CLUSTER_VERSION = '1.1.6'
/** Protocol of the RPC between peers. */
export const RPC_PROTOCOL = '/ipfscluster/1.0/rpc'
