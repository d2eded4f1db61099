import type { Block, NodeWithMeta } from '@cluster/api'

/** Blocks as a stream of nodes, which IPFS connectors store. */
export async function* blockNodes(...blocks: readonly Block[]): AsyncGenerator<NodeWithMeta, void, undefined> {
  await Promise.resolve()
  for (const { cid, bytes } of blocks) yield { cid, data: bytes, cumSize: 0n }
}
