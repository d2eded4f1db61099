import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { parsePeerId } from './peer-id-text.ts'

const UNIX = '/unix/'

/**
 * Reads a multiaddress. `/ipfs/<peer>` is an old way to write `/p2p/<peer>`; the path of a Unix socket may stand as it
 * is, as Go writes it, or escaped.
 *
 * @throws {Error} when it is none
 */
export function parseMultiaddr(text: string): Multiaddr {
  if (text === '') throw new Error('failed to parse multiaddr "": empty multiaddr')
  if (!text.startsWith('/')) throw new Error(`failed to parse multiaddr ${JSON.stringify(text)}: must begin with /`)
  if (text.startsWith(UNIX)) {
    const path = decodeURIComponent(text.slice(UNIX.length))
    return multiaddr(UNIX + encodeURIComponent(path.startsWith('/') ? path : `/${path}`))
  }
  const address = multiaddr(text.replace(/\/ipfs\/(?=[1Q])/g, '/p2p/'))
  for (const { name, value = '' } of address.getComponents()) {
    if (name === 'p2p') checkPeer(text, value)
  }
  return address
}

/** Prints a multiaddress as Go does: the path of a Unix socket unescaped. */
export function formatMultiaddr(address: Multiaddr): string {
  const text = address.toString()
  return text.startsWith(UNIX) ? UNIX + decodeURIComponent(text.slice(UNIX.length)).replace(/^\//, '') : text
}

function checkPeer(text: string, id: string): void {
  try {
    parsePeerId(id)
  } catch (error) {
    const cause = (error instanceof Error ? error.message : String(error)).replace('failed to parse peer ID: ', '')
    const place = `invalid value ${JSON.stringify(id)} for protocol p2p`
    const start = `failed to parse multiaddr ${JSON.stringify(text)}: ${place}`
    throw new Error(`${start}: failed to parse p2p addr: ${id} ${cause}`, { cause: error })
  }
}
