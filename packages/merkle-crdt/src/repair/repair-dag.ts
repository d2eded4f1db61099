import type { CID } from 'multiformats/cid'
import { blockIdOf, type BlockId } from '../wire/block-id.ts'
import type { DagBlocks } from '../store/dag-blocks.ts'
import { deadline, wait } from '../sync/deadline.ts'
import { readMany } from '../store/draft.ts'
import { CrdtError } from '../errors.ts'
import { Fifo } from '../sync/fifo.ts'
import type { Head } from '../store/heads.ts'
import { Walk } from '../sync/jobs.ts'
import type { Layout } from '../store/layout.ts'
import { decodeNode } from '../wire/node.ts'
import type { Clock, CrdtStorage, DagExchange } from '../ports.ts'
import type { Replica } from '../replica.ts'

/** What a repair works with. */
export interface RepairParts {
  readonly storage: CrdtStorage
  readonly layout: Layout
  readonly blocks: DagBlocks
  readonly exchange: DagExchange
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly replica: Replica
  /** Time for one block. */
  readonly blockTimeoutMs: number
}

/**
 * Walks the whole DAG from the heads to the roots, and queues every block that was never merged. Ends when they are.
 *
 * @returns whether nothing is missing any more
 * @throws when a block can neither be read nor fetched, or is bad
 * @see spec/wire-crdt.md §2.12
 */
export async function repairDag(parts: RepairParts): Promise<boolean> {
  const { storage, layout, exchange, clock, signal, replica } = parts
  const visited = new Set<BlockId>()
  const queue = new Fifo<{ cid: CID; root: Head }>()
  for (const head of replica.heads.list()) queue.push({ cid: head.cid, root: head })
  const walk = new Walk(() => exchange.createSession())
  walk.hold()
  try {
    for (let next = queue.take(); next !== undefined; next = queue.take()) {
      const { cid, root } = next
      const id = blockIdOf(cid)
      if (visited.has(id)) continue
      visited.add(id)
      const timer = deadline(clock, signal, parts.blockTimeoutMs, `error getting block ${cid.toString()}`)
      try {
        const bytes = await wait(walk.session.get(cid, { signal: timer.signal }), timer.signal)
        for (const link of decodeNode(cid, bytes).links) queue.push({ cid: link, root })
      } catch (error) {
        // what is here is not the block: the next repair fetches it again
        if (error instanceof CrdtError && error.code === 'ERR_CRDT_BAD_BLOCK') await parts.blocks.discard(cid)
        throw error
      } finally {
        timer.clear()
      }
      const [processed] = await readMany(storage, [layout.processed(id)], { signal })
      if (processed === undefined) await enqueue(replica, cid, root, walk)
      else await parts.blocks.keep(cid)
    }
    await replica.idle(signal)
    return replica.queuedJobs === 0
  } finally {
    walk.release()
  }
}

/** The head may have been covered by a newer one since the walk began. */
async function enqueue(replica: Replica, cid: CID, root: Head, walk: Walk): Promise<void> {
  await replica.inTurn((state, draft) => {
    const highest = state.heads.list().sort((a, b) => (a.height < b.height ? 1 : -1))[0]
    const current = state.heads.has(root.id) ? root : highest
    if (state.jobs.get(blockIdOf(cid)) === undefined && current !== undefined) {
      state.jobs.link(draft, cid, current, walk)
    }
    return Promise.resolve()
  })
}
