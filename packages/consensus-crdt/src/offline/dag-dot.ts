import { CrdtError, decodeNode, NotFoundError, type DagBlocks, type DeltaNode } from '@cluster/merkle-crdt'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/**
 * A DAG in the language of Graphviz: from each head down, each block once. A block that is not here, or is damaged, is a
 * node whose label says so.
 *
 * @see wire-crdt.md §2.16
 */
export async function* dagDot(
  heads: readonly CID[],
  blocks: Pick<DagBlocks, 'get'>,
  options: AbortOptions
): AsyncGenerator<string, void> {
  yield ['digraph CRDTDAG {', 'subgraph heads {', ...heads.map(String), '}', ''].join('\n')
  /** By the bytes of their digests: a text of one byte a character is the smallest key there is. */
  const visited = new Set<string>()
  const path = heads.toReversed()
  for (let cid = path.pop(); cid !== undefined; cid = path.pop()) {
    options.signal?.throwIfAborted()
    const id = Buffer.from(cid.multihash.digest).toString('latin1')
    if (visited.has(id)) continue
    visited.add(id)
    const node = await read(cid, blocks, options)
    yield typeof node === 'string' ? `${cid.toString()} [label="${node} | ${last4(cid)}"]\n` : linesOf(node)
    if (typeof node !== 'string') path.push(...node.links.toReversed())
  }
  yield '}\n'
}

async function read(cid: CID, blocks: Pick<DagBlocks, 'get'>, options: AbortOptions): Promise<DeltaNode | string> {
  try {
    return decodeNode(cid, await blocks.get(cid, options))
  } catch (error) {
    if (error instanceof NotFoundError) return 'missing'
    if (error instanceof CrdtError) return 'damaged'
    throw error
  }
}

function linesOf({ cid, delta, links }: DeltaNode): string {
  const counts = `+${delta.elements.length.toString()} -${delta.tombstones.length.toString()}`
  return [
    `${cid.toString()} [label="${delta.priority.toString()} | ${last4(cid)}: ${counts}"]`,
    `${cid.toString()} -> {${links.map((link) => `${link.toString()} `).join('')}}`,
    `subgraph sg_${cid.toString()} {`,
    ...links.map(String),
    '}',
    ''
  ].join('\n')
}

const last4 = (cid: CID): string => cid.toString().slice(-4)
