import { blockIdOf } from '../wire/block-id.ts'
import type { Draft } from './draft.ts'
import type { Head, Heads } from './heads.ts'
import type { Job, Jobs } from '../sync/jobs.ts'
import { mergeDelta } from './merge.ts'
import type { DeltaNode } from '../wire/node.ts'
import { encodeUvarint } from '../wire/uvarint.ts'

/** What the store knows in memory; the datastore holds the same after each turn. */
export interface CrdtState {
  readonly heads: Heads
  readonly jobs: Jobs
}

/**
 * Takes in one block: merges it, marks it, moves the heads, and queues those of its links that are not known. All
 * writes go to the draft.
 *
 * @returns the jobs that were added
 * @see spec/wire-crdt.md §2.8
 */
export async function processNode(draft: Draft, state: CrdtState, node: DeltaNode, job: Job): Promise<Job[]> {
  job.walk.hold() // its children go on with the session
  try {
    return await process(draft, state, node, job)
  } finally {
    job.walk.release()
  }
}

async function process(draft: Draft, { heads, jobs }: CrdtState, node: DeltaNode, job: Job): Promise<Job[]> {
  const root: Head = { ...job.root, height: job.root.height ?? node.delta.priority }
  const isRoot = root.id === node.id
  const [isProcessed = false] = await draft.areProcessed([node.id])
  const isQueued = jobs.get(node.id) === job
  jobs.remove(job, draft)
  if (isProcessed) {
    if (!isQueued) return [] // fetched twice: since it was merged, its head may have been covered
    if (!isRoot && heads.has(node.id)) heads.replace(draft, node.id, root)
    else if (!isRoot) heads.add(draft, root)
    return []
  }
  await mergeDelta(draft, node)
  draft.putProcessed(node)
  draft.put(draft.layout.indexed(node.delta.priority, node.id), encodeUvarint(BigInt(node.bytes.length)))

  // a peer without heads builds on what was announced to it, even before all of it is here
  if (isRoot && heads.size === 0 && !job.isLinked) heads.add(draft, root)
  if (node.links.length === 0) heads.add(draft, root)
  const known = await draft.areProcessed(node.linkIds)
  const added: Job[] = []
  let isPlaced = false
  node.links.forEach((cid, index) => {
    const id = node.linkIds[index] ?? blockIdOf(cid)
    jobs.reroot(draft, id, root)
    if (heads.has(id)) {
      heads.replace(draft, id, root)
      isPlaced = true
    }
    if (known[index] !== true && jobs.get(id) === undefined) {
      added.push(jobs.link(draft, cid, root, job.walk))
    } else if (!isPlaced) {
      heads.add(draft, root)
      isPlaced = true
    }
  })
  return added
}
