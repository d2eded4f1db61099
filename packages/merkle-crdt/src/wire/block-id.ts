import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

/** The dag-pb codec: the only one that blocks of the store have. */
export const DAG_PB = 0x70
/** sha2-256: the only hash that blocks of the store have. */
export const SHA2_256 = 0x12
const DIGEST_BYTES = 32

/** The text by which the store knows a block: `/` and base32 of the multihash, so without version and codec. */
export type BlockId = string

/** @see spec/wire-crdt.md §2.1 */
export function blockIdOf(cid: CID): BlockId {
  return `/${base32upper.baseEncode(cid.multihash.bytes)}`
}

/** CIDv1, dag-pb, of a block ID; `undefined` if the text is not one. */
export function cidOfBlockId(id: BlockId): CID | undefined {
  try {
    return CID.createV1(DAG_PB, Digest.decode(base32upper.baseDecode(id.slice(1))))
  } catch {
    return undefined
  }
}

/** The form in which the store handles a CID: version 1. `undefined` if it cannot be a block of the store. */
export function asBlockCid(cid: CID): CID | undefined {
  if (cid.code !== DAG_PB || cid.multihash.code !== SHA2_256 || cid.multihash.digest.length !== DIGEST_BYTES) {
    return undefined
  }
  return cid.version === 1 ? cid : CID.createV1(DAG_PB, cid.multihash)
}
