import type { Cluster } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'

/** Most addresses that an answer names. */
const MAX_DELEGATES = 20

/** Knows the addresses of the IPFS nodes of the peers. */
export interface Delegates {
  /** Addresses to fetch from or to connect with: those of the holders first, each once, 20 at most. */
  of(allocations: readonly string[]): readonly string[]
}

/**
 * The IPFS addresses of all peers, as their last pings tell them. Where none of these names an address that others can
 * use, those of our own IPFS node stand in, since clients expect at least one.
 *
 * @see http-apis.md §6.6
 */
export async function currentDelegates(cluster: Cluster, options: AbortOptions): Promise<Delegates> {
  const byPeer = new Map<string, readonly string[]>()
  for (const { peer, value } of cluster.health.latestMetrics('ping')) byPeer.set(peer.toString(), pingAddresses(value))
  const all = [...byPeer.values()].flat()
  const others = all.length > 0 ? all : await ownAddresses(cluster, options)
  return {
    of: (allocations) => {
      const holders = allocations.flatMap((peer) => byPeer.get(peer) ?? [])
      return [...new Set([...holders, ...others])].slice(0, MAX_DELEGATES)
    }
  }
}

/** The addresses in a ping. What is malformed names none: other implementations publish all sorts. */
function pingAddresses(text: string): readonly string[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return []
  }
  if (typeof json !== 'object' || json === null) return []
  const { ipfs_id: id, ipfs_addresses: addresses } = json as Readonly<Record<string, unknown>>
  if (!Array.isArray(addresses)) return []
  return addresses.flatMap((address: unknown) =>
    typeof address === 'string' && address.startsWith('/') ? [withPeer(address, id)] : []
  )
}

function withPeer(address: string, id: unknown): string {
  return address.includes('/p2p/') || typeof id !== 'string' || id === '' ? address : `${address}/p2p/${id}`
}

async function ownAddresses(cluster: Cluster, options: AbortOptions): Promise<readonly string[]> {
  const { ipfs } = await cluster.members.id(options)
  return (ipfs.addresses ?? []).map((address) => withPeer(address.toString(), ipfs.id?.toString()))
}
