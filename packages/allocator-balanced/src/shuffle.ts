import type { PeerMetrics } from '@cluster/api'
import type { CID } from 'multiformats/cid'

/**
 * Peers that nothing distinguishes, in an order that differs from CID to CID, so that they share the load; of one CID
 * it is always the same. The peers come ordered, and stay so where two have the same number.
 *
 * @see behaviours.md §2.1.1
 */
export function shuffle(peers: readonly PeerMetrics[], cid: CID): readonly PeerMetrics[] {
  const start = mix(OFFSET, cid.bytes)
  return peers
    .map((entry) => ({ entry, number: scatter(mix(start, entry.peer.toMultihash().bytes)) }))
    .sort((a, b) => a.number - b.number)
    .map(({ entry }) => entry)
}

const OFFSET = 0x811c9dc5
const PRIME = 0x01000193

/** FNV-1a of 32 bits, continued. */
function mix(start: number, bytes: Uint8Array): number {
  let number = start
  for (const byte of bytes) number = Math.imul(number ^ byte, PRIME)
  return number
}

/** Lets every bit of a number change all others, as the end of MurmurHash3 does. */
function scatter(number: number): number {
  let bits = number
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
