import { MemoryDatastore } from '@cluster/testing'
import { expect, test } from 'vitest'
import { Layout } from '../../store/layout.ts'
import type { Head } from '../../store/heads.ts'
import { createNode, type DeltaNode } from '../../wire/node.ts'
import { readFrontier } from '../jobs.ts'
import { digestKey } from './digest.ts'
import { IntakeRecords } from './intake-state.ts'
import { NewerBlocks } from './newer-blocks.ts'
import { decodeHeads, encodeHeads } from './records.ts'

const layout = new Layout('/c')
const { signal } = new AbortController()
const TOPS = 7

function node(priority: number, key: string, ...parents: DeltaNode[]): DeltaNode {
  const elements = [{ key, value: new TextEncoder().encode(key) }]
  return createNode(
    { elements, tombstones: [], priority: BigInt(priority) },
    parents.map(({ cid }) => cid)
  )
}
const headOf = ({ cid, id, delta }: DeltaNode): Head => ({ cid, id, height: delta.priority })

/** Merges from a peer that has these blocks. @returns the heads, and below which one the missing blocks are queued */
async function merge(storage: MemoryDatastore, tops: readonly DeltaNode[], blocks: readonly DeltaNode[]) {
  const records = new IntakeRecords(storage, layout)
  const byDigest = new Map(blocks.map((block) => [digestKey(block.cid.multihash.digest), block]))
  const newer = new NewerBlocks(
    { storage, layout, signal, isCollecting: true },
    {
      fetch: (digests) =>
        Promise.resolve(
          new Map(
            digests.flatMap((digest) => {
              const found = byDigest.get(digestKey(digest))
              return found === undefined ? [] : [[digestKey(digest), found]]
            })
          )
        ),
      keep: (left) => records.keep(TOPS, 'heads', encodeHeads(left))
    }
  )
  const heads = await newer.merge(tops.map(headOf))
  const queued = (await Array.fromAsync(readFrontier(storage, layout, signal))).map(({ id, root }) => [id, root.id])
  return { heads: heads.map(({ id }) => id), queued, kept: () => records.kept(TOPS, signal) }
}

/** A peer that walks down from `high` and has not merged `middle` yet, so it knows `low` as a head of its own. */
function branch() {
  const deep = node(1, '/deep')
  const low = node(2, '/low', deep)
  const middle = node(3, '/middle', low)
  return { deep, low, middle, high: node(4, '/high', middle) }
}

test.each([['low first'], ['high first']])('a top below another one is no head (%s)', async (order) => {
  const { deep, low, middle, high } = branch()
  const tops = order === 'low first' ? [low, high] : [high, low]
  const { heads, queued, kept } = await merge(new MemoryDatastore(), tops, [deep, low, middle, high])
  expect(heads).toEqual([high.id])
  expect(queued).toEqual([])
  expect([...decodeHeads((await kept()).data)].map(({ height }) => height)).toEqual([4n])
})

test('what is missing below a covered top belongs to the head above it', async () => {
  const { deep, low, middle, high } = branch()
  const { heads, queued } = await merge(new MemoryDatastore(), [low, high], [low, middle, high])
  expect(heads).toEqual([high.id])
  expect(queued).toEqual([[deep.id, high.id]])
})

test('a top stays a head while the block above it is missing', async () => {
  const { deep, low, middle, high } = branch()
  const { heads, queued } = await merge(new MemoryDatastore(), [low, high], [deep, low, high])
  expect(heads).toEqual([low.id, high.id])
  expect(queued).toEqual([[middle.id, high.id]])
})

test('after a crash, a covered top that is not merged is merged all the same', async () => {
  const { deep, low, middle, high } = branch()
  const storage = new MemoryDatastore()
  const first = await merge(storage, [low, high], [middle, high])
  expect(first.heads).toEqual([high.id])
  expect(first.queued).toEqual([[low.id, high.id]])
  const again = await merge(storage, [high], [deep, low, middle, high])
  expect(again).toMatchObject({ heads: [high.id], queued: [] })
})
