import { type AbortOptions, NotFoundError, type PeerId, type PeerRouting, peerRoutingSymbol } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Finds addresses of a peer that the host has none of, by asking whoever may know. Empty when nobody does. */
export type FindAddresses = (peer: PeerId, options: AbortOptions) => Promise<readonly Multiaddr[]>

/** A service of libp2p that is asked when a peer without known addresses is to be dialled. */
export interface AddressFinder {
  readonly [peerRoutingSymbol]: Partial<PeerRouting>
}

/** Makes a function that finds addresses known to libp2p as a peer router. */
export function addressFinder(find: FindAddresses): AddressFinder {
  return {
    [peerRoutingSymbol]: {
      async findPeer(id, options = {}) {
        const multiaddrs = await find(id, options)
        if (multiaddrs.length === 0) throw new NotFoundError(`nobody knows an address of ${id.toString()}`)
        return { id, multiaddrs: [...multiaddrs] }
      }
    }
  }
}
