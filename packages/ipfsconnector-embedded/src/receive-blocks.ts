import { type Block, ClusterError, type NodeWithMeta } from '@cluster/api'
import type { IpfsNode } from '@cluster/ipfs-node'

/** Blocks of one stream being written at once. */
const writesAtOnce = 16

/** How a stream of blocks is received. */
export interface ReceiveOptions {
  readonly node: IpfsNode
  /** Stores and announces. */
  readonly store: (blocks: readonly Block[]) => Promise<void>
  readonly signal: AbortSignal
  /** How long the blocks are held from garbage collection, unless a pin of one of them comes before. */
  readonly holdMs: number
}

/**
 * Stores the blocks of a stream, several at once, and flushes them. The first that fails ends the stream. What was
 * stored stays held for a while, also after a failure: a second attempt then finds it.
 */
export async function receiveBlocks(blocks: AsyncIterable<NodeWithMeta>, options: ReceiveOptions): Promise<void> {
  const { node, store, signal, holdMs } = options
  const hold = node.hold()
  const writing = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let isEmpty = true
  try {
    for await (const { cid, data } of blocks) {
      isEmpty = false
      signal.throwIfAborted()
      hold.protect(cid)
      const write = store([{ cid, bytes: data }])
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => writing.delete(write))
      writing.add(write)
      if (writing.size >= writesAtOnce) await Promise.race(writing)
      if (failure !== undefined) break
    }
    await Promise.all(writing)
    if (failure === undefined) await node.blocks.flush()
  } finally {
    await Promise.all(writing)
    hold.linger(holdMs)
  }
  if (failure !== undefined) throw failure.error
  if (isEmpty) throw new ClusterError('BAD_REQUEST', 'BlockStream: no blocks to peek in blocks channel')
}
