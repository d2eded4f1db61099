import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

const UNIX = '/unix/'

/**
 * Reads a multiaddress. `/ipfs/<peer>` is an old way to write `/p2p/<peer>`; the path of a Unix socket may stand as it
 * is, as Go writes it, or escaped.
 *
 * @throws {Error} when it is none
 */
export function parseMultiaddr(text: string): Multiaddr {
  if (!text.startsWith('/')) throw new Error(`failed to parse multiaddr ${JSON.stringify(text)}: must begin with /`)
  if (text.startsWith(UNIX)) {
    const path = decodeURIComponent(text.slice(UNIX.length))
    return multiaddr(UNIX + encodeURIComponent(path.startsWith('/') ? path : `/${path}`))
  }
  return multiaddr(text.replace(/\/ipfs\/(?=[1Q])/g, '/p2p/'))
}

/** Prints a multiaddress as Go does: the path of a Unix socket unescaped. */
export function formatMultiaddr(address: Multiaddr): string {
  const text = address.toString()
  return text.startsWith(UNIX) ? UNIX + decodeURIComponent(text.slice(UNIX.length)).replace(/^\//, '') : text
}
