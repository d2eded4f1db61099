import { blake2b } from '@noble/hashes/blake2.js'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** BLAKE2b-256, without key. */
function keyOf(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, { dkLen: 32 })
}

/**
 * How far a peer is from a CID: 32 bytes, a big-endian number.
 *
 * @see behaviours.md §1.7
 */
export function distance(cid: CID, peer: PeerId): Uint8Array {
  return xor(keyOf(cid.bytes), keyOf(peer.toMultihash().bytes))
}

/**
 * Decides which peer acts on a CID when all see the same need: the closest. Bit-exact with the reference peer, else
 * what has to be done once is done twice or never.
 *
 * @param others - the other peers that may act
 * @returns whether no other is strictly closer than `self`
 */
export function closestAmong(self: PeerId, others: readonly PeerId[]): (cid: CID) => boolean {
  const ownKey = keyOf(self.toMultihash().bytes)
  const otherKeys = others.filter((peer) => !peer.equals(self)).map((peer) => keyOf(peer.toMultihash().bytes))
  return (cid) => {
    const key = keyOf(cid.bytes)
    const own = xor(key, ownKey)
    return otherKeys.every((other) => Buffer.compare(xor(key, other), own) >= 0)
  }
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0))
}
