import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Finds addresses of a peer that the host has none of, by asking whoever may know. Empty when nobody does. */
export type FindAddresses = (peer: PeerId, options: AbortOptions) => Promise<readonly Multiaddr[]>
