import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/**
 * Reads a multiaddress. `/ipfs/<peer>` is an old way to write `/p2p/<peer>`.
 *
 * @throws {Error} when it is none
 */
export function parseMultiaddr(text: string): Multiaddr {
  if (!text.startsWith('/')) throw new Error(`failed to parse multiaddr ${JSON.stringify(text)}: must begin with /`)
  return multiaddr(text.replace(/\/ipfs\/(?=[1Q])/g, '/p2p/'))
}
