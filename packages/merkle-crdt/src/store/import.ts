import { sizeInDelta, type DeltaElement } from '../wire/delta.ts'
import { Walk } from '../sync/jobs.ts'
import { createNode } from '../wire/node.ts'
import { OfflineExchange, type DagBlocks } from './dag-blocks.ts'
import { processNode } from './process.ts'
import { MAX_DELTA_BYTES } from '../changes/publisher.ts'
import type { Replica } from '../replica.ts'

/**
 * Adds keys in the order of the source, as few large blocks. The same source gives the same blocks on every peer that
 * starts from an empty store: so no two keys are joined, and a block ends with the key that takes it over 1 MiB.
 *
 * @returns how many keys were added
 * @see spec/wire-crdt.md §1.11
 */
export async function importPairs(
  replica: Replica,
  blocks: DagBlocks,
  source: AsyncIterable<readonly DeltaElement[]>
): Promise<number> {
  let count = 0
  let elements: DeltaElement[] = []
  let bytes = 0
  const publish = async (): Promise<void> => {
    const taken = elements
    elements = []
    bytes = 0
    await replica.inTurn(async (state, draft) => {
      const { heads } = state
      const priority = heads.maxHeight + 1n
      const node = createNode(
        { elements: taken, tombstones: [], priority },
        heads.list().map(({ cid }) => cid)
      )
      const root = { cid: node.cid, id: node.id, height: priority }
      const walk = new Walk(() => new OfflineExchange(blocks).createSession())
      await processNode(draft, state, node, { cid: node.cid, id: node.id, root, walk, isLinked: false, attempts: 0 })
    })
  }
  for await (const page of source) {
    for (const element of page) {
      elements.push(element)
      bytes += sizeInDelta(element.key, element.value.length)
      count += 1
      if (bytes > MAX_DELTA_BYTES) await publish()
    }
  }
  if (elements.length > 0) await publish()
  return count
}
