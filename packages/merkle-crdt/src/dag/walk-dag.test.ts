import { MemoryDatastore } from '@cluster/testing'
import { expect, test } from 'vitest'
import { createNode, DagBlocks, dagToDot, walkDag, type DeltaNode } from '../index.ts'

function node(priority: number, key: string, ...parents: DeltaNode[]): DeltaNode {
  const elements = [{ key, value: new TextEncoder().encode(key) }]
  return createNode(
    { elements, tombstones: [{ key: '/gone', id: '/ID' }], priority: BigInt(priority) },
    parents.map(({ cid }) => cid)
  )
}

async function diamond() {
  const [root, other] = [node(1, '/root'), node(1, '/other')]
  const left = node(2, '/left', root, other)
  const right = node(2, '/right', root)
  const head = node(3, '/head', left, right)
  const blocks = new DagBlocks(new MemoryDatastore(), '/c')
  await blocks.put([root, left, right, head])
  return { blocks, root, other, left, right, head }
}

test('visits each block once, depth first, and tells of those that are not here', async () => {
  const { blocks, other, head } = await diamond()
  const entries = await Array.fromAsync(walkDag(blocks, [head.cid]))
  expect(entries).toHaveLength(5)
  expect(entries[0]).toEqual({ cid: head.cid, priority: 3n, elements: 1, tombstones: 1, links: head.links })
  expect(entries[1]?.cid).toEqual(head.links[0])
  const missing = entries.find(({ priority }) => priority === undefined)
  expect(missing?.cid).toEqual(other.cid)
  expect(await Array.fromAsync(walkDag(blocks, [head.cid], { limit: 2 }))).toHaveLength(2)
})

test('a long chain is walked, and the signal ends it', async () => {
  const blocks = new DagBlocks(new MemoryDatastore(), '/c')
  let head = node(1, '/0')
  await blocks.put([head])
  for (let height = 2; height <= 2000; height += 1) {
    head = node(height, `/${height}`, head)
    await blocks.put([head])
  }
  expect(await Array.fromAsync(walkDag(blocks, [head.cid]))).toHaveLength(2000)
  const walk = walkDag(blocks, [head.cid], { signal: AbortSignal.abort(new Error('enough')) })
  await expect(walk.next()).rejects.toThrow('enough')
})

test('is drawn as a DOT graph', async () => {
  const { blocks, root, right } = await diamond()
  const lines = await Array.fromAsync(dagToDot([right.cid], walkDag(blocks, [right.cid])))
  const [name, below] = [right.cid.toString(), root.cid.toString()]
  expect(lines).toEqual([
    'digraph CRDTDAG {',
    'subgraph heads {',
    name,
    '}',
    `${name} [label="2 | ${name.slice(-4)}: +1 -1"]`,
    `${name} -> {${below} }`,
    `subgraph sg_${name} {`,
    below,
    '}',
    `${below} [label="1 | ${below.slice(-4)}: +1 -1"]`,
    `${below} -> {}`,
    `subgraph sg_${below} {`,
    '}',
    '}'
  ])
})
