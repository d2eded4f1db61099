import type { PeerId } from '@libp2p/interface'

/**
 * Who is connected to whom. All keys are the base58 texts of peer IDs.
 *
 * @see http-apis.md §2.9
 */
export interface ConnectGraph {
  readonly clusterId: PeerId
  readonly idToPeername: ReadonlyMap<string, string> | undefined
  readonly ipfsLinks: ReadonlyMap<string, readonly PeerId[]> | undefined
  readonly clusterLinks: ReadonlyMap<string, readonly PeerId[]> | undefined
  readonly clusterTrustLinks: ReadonlyMap<string, boolean> | undefined
  readonly clusterToIpfs: ReadonlyMap<string, PeerId> | undefined
}
