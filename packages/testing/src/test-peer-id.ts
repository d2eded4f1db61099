import { createHash } from 'node:crypto'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'

/** A peer ID that is the same for the same number in every run. Nobody has its private key. */
export function testPeerId(index: number): PeerId {
  const raw = createHash('sha256').update(`test peer ${index}`).digest()
  return peerIdFromPublicKey(publicKeyFromRaw(new Uint8Array(raw)))
}
