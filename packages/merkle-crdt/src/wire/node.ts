import { hash } from 'node:crypto'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { asBlockCid, blockIdOf, DAG_PB, SHA2_256, type BlockId } from './block-id.ts'
import { decodeDelta, encodeDelta, type Delta } from './delta.ts'
import { CrdtError, messageOf, reasonOf, type RejectionReason } from '../errors.ts'
import { compareBytes } from './uvarint.ts'

/** Largest block that is taken: what one Bitswap message carries. Blocks that are written stay near 1 MiB. */
export const MAX_BLOCK_BYTES = 4 * 1024 * 1024
/** Most links of a block that is taken; a writer has one for each head it knows. */
export const MAX_LINKS = 10_000

/** The field of a link in dag-pb, and the fewest bytes of one. */
const LINKS = 2
const MIN_LINK_BYTES = 6

/** A block of the DAG: a delta and links to the heads that its writer knew. */
export interface DeltaNode {
  readonly cid: CID
  readonly id: BlockId
  readonly bytes: Uint8Array
  readonly delta: Delta
  /** CIDv1 each, without duplicates, in the order of the block. */
  readonly links: readonly CID[]
  /** The IDs of the links, in the same order. */
  readonly linkIds: readonly BlockId[]
}

/**
 * Builds the block of a delta over some heads, byte for byte as the Go peer does.
 *
 * @see spec/wire-crdt.md §2.5
 */
export function createNode(delta: Delta, heads: readonly CID[]): DeltaNode {
  const links = [...heads].sort((a, b) => compareBytes(a.bytes, b.bytes))
  const bytes = dagPb.encode({
    Data: encodeDelta(delta),
    Links: links.map((link) => ({ Hash: link, Name: '', Tsize: 0 }))
  })
  const cid = CID.createV1(DAG_PB, Digest.create(SHA2_256, sha256(bytes)))
  return { cid, id: blockIdOf(cid), bytes, delta, links, linkIds: links.map(blockIdOf) }
}

/**
 * Reads a block, and checks that it is the one of that CID.
 *
 * @throws CrdtError `ERR_CRDT_BAD_BLOCK`: wrong hash, no delta node, too large, too many or foreign links
 */
export function decodeNode(cid: CID, bytes: Uint8Array): DeltaNode {
  if (bytes.length > MAX_BLOCK_BYTES) {
    throw bad(cid, 'block-too-large', `it has ${bytes.length} bytes, more than ${MAX_BLOCK_BYTES}`)
  }
  if (compareBytes(sha256(bytes), cid.multihash.digest) !== 0)
    throw bad(cid, 'wrong-hash', 'its bytes have another hash')
  let node: dagPb.PBNode
  try {
    // counted first: a block full of the smallest links would take hundreds of MiB
    const count = bytes.length / MIN_LINK_BYTES > MAX_LINKS ? countLinks(bytes) : 0
    if (count > MAX_LINKS) throw bad(cid, 'too-many-links', `it has ${count} links, more than ${MAX_LINKS}`)
    node = dagPb.decode(bytes)
  } catch (cause) {
    if (cause instanceof CrdtError) throw cause
    throw bad(cid, 'not-a-node', `node is not a ProtoNode (${messageOf(cause)})`, cause)
  }
  const links = new Map<BlockId, CID>()
  for (const { Hash } of node.Links) {
    const link = asBlockCid(Hash)
    if (link === undefined)
      throw bad(cid, 'foreign-link', `it links to ${Hash.toString()}, which cannot be a delta node`)
    links.set(blockIdOf(link), link)
  }
  const delta = deltaIn(cid, node.Data ?? new Uint8Array())
  return { cid, id: blockIdOf(cid), bytes, delta, links: [...links.values()], linkIds: [...links.keys()] }
}

/** Whether the bytes are those of the CID. */
export function isBlockOf(cid: CID, bytes: Uint8Array): boolean {
  return compareBytes(sha256(bytes), cid.multihash.digest) === 0
}

function sha256(bytes: Uint8Array): Uint8Array {
  const digest = hash('sha256', bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
}

function deltaIn(cid: CID, bytes: Uint8Array): Delta {
  try {
    return decodeDelta(bytes)
  } catch (cause) {
    throw bad(cid, reasonOf(cause) ?? 'bad-delta', messageOf(cause), cause)
  }
}

function countLinks(bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes)
  let count = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === LINKS) count += 1
    reader.skip(type, field)
  }
  return count
}

function bad(cid: CID, reason: RejectionReason, text: string, cause?: unknown): CrdtError {
  return new CrdtError('ERR_CRDT_BAD_BLOCK', `bad block ${cid.toString()}: ${text}`, { reason, cause })
}
