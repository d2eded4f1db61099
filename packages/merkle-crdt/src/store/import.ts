import type { CID } from 'multiformats/cid'
import { sizeInDelta, type DeltaElement } from '../wire/delta.ts'
import { addLocalBlock } from '../changes/local-block.ts'
import { createNode } from '../wire/node.ts'
import { OfflineExchange, type DagBlocks } from './dag-blocks.ts'
import { MAX_DELTA_BYTES } from '../changes/publisher.ts'
import type { Replica } from '../replica.ts'

/** What an import makes, or would make, of an empty store. */
export interface ImportPreview {
  /** The last block, which links to all before it; `undefined` if there are no keys. */
  readonly head: CID | undefined
  readonly blocks: number
  readonly keys: number
}

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
  const offline = new OfflineExchange(blocks)
  let count = 0
  for await (const elements of inBlocks(source)) {
    count += elements.length
    await replica.inTurn(async (state, draft) => {
      await addLocalBlock(draft, state, { elements, tombstones: [], priority: state.heads.nextHeight }, offline)
    })
  }
  return count
}

/**
 * What an import of this source into an empty store would make, without writing anything. Peers whose previews have the
 * same head would have the same DAG afterwards.
 *
 * @see spec/wire-crdt.md §7.3 P14
 */
export async function previewImport(source: AsyncIterable<readonly DeltaElement[]>): Promise<ImportPreview> {
  let head: CID | undefined
  let blocks = 0
  let keys = 0
  for await (const elements of inBlocks(source)) {
    keys += elements.length
    blocks += 1
    const delta = { elements, tombstones: [], priority: BigInt(blocks) }
    head = createNode(delta, head === undefined ? [] : [head]).cid
  }
  return { head, blocks, keys }
}

async function* inBlocks(source: AsyncIterable<readonly DeltaElement[]>): AsyncGenerator<DeltaElement[]> {
  let elements: DeltaElement[] = []
  let bytes = 0
  for await (const page of source) {
    for (const element of page) {
      elements.push(element)
      bytes += sizeInDelta(element.key, element.value.length)
      if (bytes <= MAX_DELTA_BYTES) continue
      yield elements
      elements = []
      bytes = 0
    }
  }
  if (elements.length > 0) yield elements
}
