import type { CID } from 'multiformats/cid'
import { readMany } from './draft.ts'
import { Heads } from './heads.ts'
import { Jobs, readFrontier, Walk } from '../sync/jobs.ts'
import type { Layout } from './layout.ts'
import { decodeNode, isBlockOf } from '../wire/node.ts'
import type { Clock, CrdtStorage, DagExchange } from '../ports.ts'
import type { CrdtState } from './process.ts'

/**
 * Reads from the datastore where the last run ended: its heads, and the blocks that its walks still had to fetch.
 *
 * @param corrupt - told of a head whose block is there, but damaged
 */
export async function loadState(
  storage: CrdtStorage,
  layout: Layout,
  exchange: DagExchange,
  clock: Pick<Clock, 'nowMs'>,
  signal: AbortSignal,
  corrupt: (head: CID) => Promise<void>
): Promise<CrdtState> {
  const heads = await Heads.load(storage, layout, signal)
  const jobs = new Jobs(clock)
  const walk = new Walk(() => exchange.createSession())
  for await (const { cid, root } of readFrontier(storage, layout, signal)) jobs.link(undefined, cid, root, walk)
  for (const head of heads.list()) {
    const [bytes, processed] = await readMany(storage, [layout.block(head.id), layout.processed(head.id)], { signal })
    if (bytes !== undefined && !isBlockOf(head.cid, bytes)) await corrupt(head.cid)
    else if (bytes !== undefined) heads.correct(head.cid, decodeNode(head.cid, bytes).delta.priority)
    // a Go peer that went down in its first walk leaves a head that it never merged
    if (processed === undefined && jobs.get(head.id) === undefined) jobs.link(undefined, head.cid, head, walk)
  }
  return { heads, jobs }
}
