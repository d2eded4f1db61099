import { deltaOf } from './change-delta.ts'
import type { Entry } from './publisher.ts'
import { CrdtError } from '../errors.ts'
import type { DagExchange } from '../ports.ts'
import type { Draft } from '../store/draft.ts'
import { processNode, type CrdtState } from '../store/process.ts'
import { localJob, type Job } from '../sync/jobs.ts'
import type { Delta } from '../wire/delta.ts'
import { createNode, MAX_BLOCK_BYTES, type DeltaNode } from '../wire/node.ts'

/** A block that was made, and the jobs that came with it. */
export interface LocalBlock {
  readonly node: DeltaNode
  readonly added: Job[]
}

/**
 * Makes a block of local changes over all heads and takes it in, and their journal entries out, as part of one write.
 *
 * @returns the block, if the changes come to anything
 * @throws CrdtError `ERR_CRDT_TOO_LARGE`
 * @see spec/wire-crdt.md §2.6, §7.3 P1
 */
export async function addLocalChanges(
  draft: Draft,
  state: CrdtState,
  entries: readonly Entry[],
  exchange: DagExchange
): Promise<LocalBlock | undefined> {
  const operations = entries.map(({ operation }) => operation)
  const delta = await deltaOf(draft, operations, state.heads.nextHeight)
  for (const { journal } of entries) if (journal !== undefined) draft.delete(draft.layout.journal(journal))
  return delta === undefined ? undefined : addLocalBlock(draft, state, delta, exchange)
}

/**
 * Makes a block of a delta over all heads and takes it in.
 *
 * @throws CrdtError `ERR_CRDT_TOO_LARGE`
 */
export async function addLocalBlock(
  draft: Draft,
  state: CrdtState,
  delta: Delta,
  exchange: Pick<DagExchange, 'createSession'>
): Promise<LocalBlock> {
  const node = createNode(delta, state.heads.links())
  if (node.bytes.length > MAX_BLOCK_BYTES) {
    throw new CrdtError('ERR_CRDT_TOO_LARGE', `a block of ${node.bytes.length} bytes cannot be sent to others`)
  }
  await draft.prefetch([node])
  return { node, added: await processNode(draft, state, node, localJob(node, exchange)) }
}
