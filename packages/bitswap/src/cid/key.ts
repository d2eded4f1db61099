import type { CID } from 'multiformats/cid'

/**
 * The identity of a block: the bytes of its multihash as a latin1 string. Two CIDs of other version or codec with the
 * same multihash name the same block.
 *
 * @see bitswap.md §4.4
 */
export type BlockKey = string

/** Bytes as a latin1 string: one character per byte, made for keys of maps. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The key of the block that a CID names. */
export function blockKey(cid: CID): BlockKey {
  return latin1(cid.multihash.bytes)
}
