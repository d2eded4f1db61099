import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { NotFoundError } from '../errors.ts'
import type { DagBlocks } from '../store/dag-blocks.ts'
import { blockIdOf, type BlockId } from '../wire/block-id.ts'
import { decodeNode } from '../wire/node.ts'

/** Blocks that a walk visits, unless another limit is asked for: each costs about 150 bytes of memory meanwhile. */
export const DEFAULT_WALK_LIMIT = 100_000

/** A block of the DAG. */
export interface DagEntry {
  readonly cid: CID
  /** Absent: the block is not here. Then the other members say nothing. */
  readonly priority: bigint | undefined
  /** How many keys it adds, and how many additions it takes back. */
  readonly elements: number
  readonly tombstones: number
  readonly links: readonly CID[]
}

/** How to walk. */
export interface WalkOptions extends AbortOptions {
  /** Most blocks visited. Default {@link DEFAULT_WALK_LIMIT}. */
  readonly limit?: number | undefined
}

/**
 * The blocks below some heads, depth first, each once, read from the local blocks as they are pulled.
 *
 * @throws CrdtError `ERR_CRDT_BAD_BLOCK` for a block that cannot be read
 * @see spec/wire-crdt.md §2.16
 */
export async function* walkDag(
  blocks: DagBlocks,
  heads: readonly CID[],
  { limit = DEFAULT_WALK_LIMIT, ...options }: WalkOptions = {}
): AsyncGenerator<DagEntry> {
  const visited = new Set<BlockId>()
  const stack = heads.toReversed()
  for (let cid = stack.pop(); cid !== undefined && visited.size < limit; cid = stack.pop()) {
    options.signal?.throwIfAborted()
    const id = blockIdOf(cid)
    if (visited.has(id)) continue
    visited.add(id)
    const entry = await readEntry(blocks, cid, options)
    for (const link of entry.links.toReversed()) if (!visited.has(blockIdOf(link))) stack.push(link)
    yield entry
  }
}

async function readEntry(blocks: DagBlocks, cid: CID, options: AbortOptions): Promise<DagEntry> {
  try {
    const { delta, links } = decodeNode(cid, await blocks.get(cid, options))
    const { priority, elements, tombstones } = delta
    return { cid, priority, elements: elements.length, tombstones: tombstones.length, links }
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
    return { cid, priority: undefined, elements: 0, tombstones: 0, links: [] }
  }
}

const SHORT = 4

/**
 * The lines of a DOT graph of the DAG, as the Go library draws it.
 *
 * @see spec/wire-crdt.md §2.16
 */
export async function* dagToDot(heads: readonly CID[], entries: AsyncIterable<DagEntry>): AsyncGenerator<string> {
  yield 'digraph CRDTDAG {'
  yield 'subgraph heads {'
  for (const head of heads) yield head.toString()
  yield '}'
  for await (const { cid, priority, elements, tombstones, links } of entries) {
    const name = cid.toString()
    const what = priority === undefined ? 'not here' : priority.toString()
    yield `${name} [label="${what} | ${name.slice(-SHORT)}: +${elements} -${tombstones}"]`
    yield `${name} -> {${links.map((link) => `${link.toString()} `).join('')}}`
    yield `subgraph sg_${name} {`
    for (const link of links) yield link.toString()
    yield '}'
  }
  yield '}'
}
