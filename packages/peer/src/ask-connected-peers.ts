import type { ID, Remote } from '@cluster/api'
import type { FindAddresses } from '@cluster/host'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Peers that are asked for an address before it counts as unknown. */
const MAX_ASKED = 8
/** How long one peer may take to answer. */
const ANSWER_LIMIT_MS = 5000

/**
 * Finds the addresses of a peer by asking those who are connected: what a peer says of itself names the addresses of
 * the members that it knows, and everybody may ask that.
 *
 * @see wire-host-rpc.md §4.4, `cluster_peers_addresses`
 */
export function askConnectedPeers(
  libp2p: { getConnections(): readonly Connection[] },
  remote: Pick<Remote, 'call'>
): FindAddresses {
  return async (wanted, { signal }) => {
    for (const peer of connectedPeers(libp2p.getConnections()).slice(0, MAX_ASKED)) {
      if (peer.equals(wanted)) continue
      const limit = AbortSignal.timeout(ANSWER_LIMIT_MS)
      const both = signal === undefined ? limit : AbortSignal.any([signal, limit])
      const id = await remote.call(peer, 'Cluster.ID', undefined, { signal: both }).catch(() => undefined)
      signal?.throwIfAborted()
      const found = id === undefined ? [] : addressesOf(wanted, id)
      if (found.length > 0) return found
    }
    return []
  }
}

function connectedPeers(connections: readonly Connection[]): readonly PeerId[] {
  return [...new Map(connections.map(({ remotePeer }) => [remotePeer.toString(), remotePeer])).values()]
}

function addressesOf(peer: PeerId, { clusterPeersAddresses = [] }: ID): readonly Multiaddr[] {
  const end = `/p2p/${peer.toString()}`
  return clusterPeersAddresses.filter((address) => address.toString().endsWith(end))
}
