import { hash } from 'node:crypto'
import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { DAG_PB, SHA2_256, type BlockId } from '../../wire/block-id.ts'
import { DIGEST_BYTES } from './message.ts'

/** A digest as the key of a map. */
export type DigestKey = string

/** Two bytes stand before the digest in a multihash of sha2-256. */
const MULTIHASH_PREFIX = Uint8Array.of(SHA2_256, DIGEST_BYTES)

export function digestKey(digest: Uint8Array): DigestKey {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('latin1')
}

/** The ID of the block of a digest. */
export function idOfDigest(digest: Uint8Array): BlockId {
  const multihash = new Uint8Array(MULTIHASH_PREFIX.length + DIGEST_BYTES)
  multihash.set(MULTIHASH_PREFIX)
  multihash.set(digest, MULTIHASH_PREFIX.length)
  return `/${base32upper.baseEncode(multihash)}`
}

/** The digest of a block ID; `undefined` if it is not one of sha2-256. */
export function digestOfId(id: BlockId): Uint8Array | undefined {
  try {
    const multihash = base32upper.baseDecode(id.slice(1))
    const isDigest = multihash.length === 2 + DIGEST_BYTES && multihash[0] === SHA2_256 && multihash[1] === DIGEST_BYTES
    return isDigest ? multihash.subarray(2) : undefined
  } catch {
    return undefined
  }
}

export function cidOfDigest(digest: Uint8Array): CID {
  return CID.createV1(DAG_PB, Digest.create(SHA2_256, digest.slice()))
}

export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = hash('sha256', bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
}
