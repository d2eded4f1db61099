import { code as cborCode, encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { DagNode } from '../dag/dag-node.ts'
import { SHA2_256 } from '../dag/hash-function.ts'

/** Most links of one node. */
const MAX_SHARD_LINKS = 5984

/**
 * The nodes that list the blocks of a shard, or the shards of a cluster DAG, in the order in which they are sent: the
 * root, and when the links do not fit one node, the leaves behind it.
 *
 * @param links - CIDs as bytes
 * @see behaviours.md §6.9
 */
export function shardNodes(links: readonly Uint8Array[]): readonly [root: DagNode, ...leaves: DagNode[]] {
  if (links.length <= MAX_SHARD_LINKS) return [nodeOf(links)]
  const leaves: DagNode[] = []
  // One more leaf than is needed when they are all full: existing clusters have it so.
  for (let from = 0; from <= links.length; from += MAX_SHARD_LINKS) {
    leaves.push(nodeOf(links.slice(from, from + MAX_SHARD_LINKS)))
  }
  const root = nodeOf(leaves.map(({ cid }) => cid.bytes))
  return [{ ...root, cumSize: leaves.reduce((sum, { cumSize }) => sum + cumSize, root.cumSize) }, ...leaves]
}

function nodeOf(links: readonly Uint8Array[]): DagNode {
  const bytes = encode(Object.fromEntries(links.map((link, index) => [index.toString(), CID.decode(link)])))
  const cid = CID.createV1(cborCode, createDigest(SHA2_256.code, SHA2_256.digest(bytes)))
  return { cid, bytes, cumSize: bytes.length }
}
