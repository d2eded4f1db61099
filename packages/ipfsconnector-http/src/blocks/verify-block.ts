import { ClusterError } from '@cluster/api'
import { blake2b, blake2s } from '@noble/hashes/blake2.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { CID } from 'multiformats/cid'
import { hash } from 'node:crypto'

/** Multihash code of the identity function: the CID carries the bytes itself. */
export const IDENTITY = 0x00

/** Multihash codes that OpenSSL computes. */
const opensslNames: ReadonlyMap<number, string> = new Map([
  [0x11, 'sha1'],
  [0x12, 'sha256'],
  [0x13, 'sha512'],
  [0x14, 'sha3-512'],
  [0x15, 'sha3-384'],
  [0x16, 'sha3-256'],
  [0x17, 'sha3-224'],
  [0x20, 'sha384']
])

/** The digest that bytes have under the hash function of a CID; `undefined` when this code does not know it. */
function digestOf({ multihash: { code, size } }: CID, bytes: Uint8Array): Uint8Array | undefined {
  const name = opensslNames.get(code)
  if (name !== undefined) return hash(name, bytes, 'buffer')
  if (code === IDENTITY) return bytes
  if (code === 0x1b) return keccak_256(bytes)
  if (code === 0x1e) return blake3(bytes, { dkLen: size })
  if (code > 0xb200 && code <= 0xb240) return blake2b(bytes, { dkLen: code - 0xb200 })
  if (code > 0xb240 && code <= 0xb260) return blake2s(bytes, { dkLen: code - 0xb240 })
  return undefined
}

/**
 * Makes sure that bytes are what a CID says. A hash function that is not known here is left to the daemon.
 *
 * @throws {ClusterError} `CORRUPT`
 */
export function verifyBlock(cid: CID, bytes: Uint8Array): void {
  const digest = digestOf(cid, bytes)
  const { digest: wanted } = cid.multihash
  // A multihash may hold the beginning of a digest only.
  if (digest === undefined || (wanted.length > 0 && Buffer.compare(digest.subarray(0, wanted.length), wanted) === 0)) {
    return
  }
  if (wanted.length === 0 && bytes.length === 0) return
  throw new ClusterError('CORRUPT', `${bytes.byteLength} bytes are not the block ${cid.toString()}`)
}
