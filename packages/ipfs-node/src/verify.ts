import { blake2b } from '@noble/hashes/blake2.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { createHash, hash as hashAtOnce } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { IpfsNodeError } from './errors.ts'

/** Multihash code of the identity function: the CID carries the bytes itself, nothing is stored. */
export const identityHash = 0x00

/** Shorter digests are refused: they do not protect against another block under the same name. */
const minDigestBytes = 20

/** Multihash codes that OpenSSL computes, which is several times faster than any code in JavaScript. */
const opensslNames: Readonly<Record<number, string>> = {
  0x11: 'sha1',
  0x12: 'sha256',
  0x13: 'sha512',
  0x14: 'sha3-512',
  0x15: 'sha3-384',
  0x16: 'sha3-256',
  0x17: 'sha3-224',
  0x20: 'sha384',
  0xb260: 'blake2s256'
}
const doubleSha256 = 0x56
const keccak256 = 0x1b
const blake3Hash = 0x1e
/** blake2b of 1 to 64 bytes; the length is part of the code. */
const blake2bFirst = 0xb201
const blake2bLast = 0xb240

/** Computes a digest for a multihash code that is not built in. */
export type HashFunction = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** More hash functions, by multihash code. */
export type HashFunctions = ReadonlyMap<number, HashFunction>

/**
 * Says whether `bytes` are the content that `cid` names.
 *
 * Digests cut short by the CID are legal: the first bytes are compared.
 *
 * @throws IpfsNodeError `UNKNOWN_HASH` when the hash function is not known, or its digest is shorter than 20 bytes.
 */
export async function matches(cid: CID, bytes: Uint8Array, more?: HashFunctions): Promise<boolean> {
  const { code, digest } = cid.multihash
  if (code === identityHash) return equal(digest, bytes)
  if (digest.byteLength < minDigestBytes) {
    throw new IpfsNodeError(
      'UNKNOWN_HASH',
      `digest of ${digest.byteLength} bytes is too short to be trusted: ${cid.toString()}`
    )
  }
  const computed = await compute(cid, code, bytes, more)
  return computed.byteLength >= digest.byteLength && equal(digest, computed.subarray(0, digest.byteLength))
}

async function compute(cid: CID, code: number, bytes: Uint8Array, more?: HashFunctions): Promise<Uint8Array> {
  const name = opensslNames[code]
  if (name !== undefined) return hashAtOnce(name, bytes, 'buffer')
  if (code === doubleSha256)
    return createHash('sha256')
      .update(hashAtOnce('sha256', bytes, 'buffer'))
      .digest()
  if (code >= blake2bFirst && code <= blake2bLast) return blake2b(bytes, { dkLen: code - blake2bFirst + 1 })
  if (code === blake3Hash) return blake3(bytes, { dkLen: cid.multihash.digest.byteLength })
  if (code === keccak256) return keccak_256(bytes)
  const own = more?.get(code)
  if (own !== undefined) return await own(bytes)
  throw new IpfsNodeError('UNKNOWN_HASH', `hash function 0x${code.toString(16)} is not known: ${cid.toString()}`)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0
}
