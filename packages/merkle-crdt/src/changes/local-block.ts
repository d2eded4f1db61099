import { deltaOf } from './change-delta.ts'
import type { Entry } from './publisher.ts'
import { CrdtError } from '../errors.ts'
import type { DagExchange } from '../ports.ts'
import type { Draft } from '../store/draft.ts'
import { processNode, type CrdtState } from '../store/process.ts'
import { localJob, type Job } from '../sync/jobs.ts'
import { createNode, MAX_BLOCK_BYTES, type DeltaNode } from '../wire/node.ts'

/**
 * Makes a block of local changes over all heads and takes it in, and their journal entries out, as part of one write.
 *
 * @returns the block, if the changes come to anything, and the jobs that were added
 * @throws CrdtError `ERR_CRDT_TOO_LARGE`
 * @see spec/wire-crdt.md §2.6, §7.3 P1
 */
export async function addLocalBlock(
  draft: Draft,
  state: CrdtState,
  entries: readonly Entry[],
  exchange: DagExchange
): Promise<{ node: DeltaNode | undefined; added: Job[] }> {
  const { heads } = state
  const operations = entries.map(({ operation }) => operation)
  const delta = await deltaOf(draft, operations, heads.maxHeight + 1n)
  for (const { journal } of entries) if (journal !== undefined) draft.delete(draft.layout.journal(journal))
  if (delta === undefined) return { node: undefined, added: [] }
  const node = createNode(
    delta,
    heads.list().map(({ cid }) => cid)
  )
  if (node.bytes.length > MAX_BLOCK_BYTES) {
    throw new CrdtError('ERR_CRDT_TOO_LARGE', `a block of ${node.bytes.length} bytes cannot be sent to others`)
  }
  const added = await processNode(draft, state, node, localJob(node, exchange))
  return { node, added }
}
