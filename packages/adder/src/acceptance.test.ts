import { addTo, MemoryAddTarget } from '@cluster/testing'
import type { FileEntry } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'
import { treeEntries } from './vectors.fixture.ts'

const TREE = 'QmdHXJgxeCFf6qDZqYYmMesV2DbZCVPEdEhj2oVTxP1y7Y'

async function* each(bytes: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield* bytes
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)]
}

describe('the acceptance list of adding', () => {
  it('AR-2: an adder adds again, where that of the reference can be used once', async () => {
    const adder = createAdder()
    for (let round = 0; round < 2; round++) {
      expect((await addTo(adder, new MemoryAddTarget(), treeEntries())).root.toString()).toBe(TREE)
    }
  })

  it('AR-3: is given up in the middle of 100 MB and the tree', async () => {
    const abort = new AbortController()
    const target = new MemoryAddTarget()
    function* content(): Generator<Uint8Array> {
      for (let part = 0; part < 100; part++) {
        if (part === 50) abort.abort()
        yield new Uint8Array(1_000_000).fill(part)
      }
    }
    const large: FileEntry = { type: 'file', path: 'testTree/large', content: each(content()) }
    const adding = addTo(createAdder(), target, [...treeEntries(), large], {}, abort.signal)
    await expect(adding).rejects.toMatchObject({ code: 'ABORTED' })
    expect(target.pinned).toEqual([])
  })

  it('AR-4: a CAR file of the tree has its root and its 28 blocks', async () => {
    const whole = new MemoryAddTarget()
    const { root } = await addTo(createAdder(), whole, treeEntries())
    const blocks = whole.blocksOf(whole.self)
    const cid = root.bytes
    const header = Buffer.concat([
      Buffer.from([0xa2, 0x65]),
      Buffer.from('roots'),
      Buffer.from([0x81, 0xd8, 0x2a, 0x58, cid.length + 1, 0, ...cid, 0x67]),
      Buffer.from('version'),
      Buffer.from([1])
    ])
    const sections = [header, ...blocks.map((block) => Buffer.concat([block.cid.bytes, block.data]))]
    const car = sections.flatMap((section) => [Buffer.from(varint(section.length)), section])
    const target = new MemoryAddTarget()
    const entry: FileEntry = { type: 'file', path: 't.car', content: each(car) }
    const added = await addTo(createAdder(), target, [entry], { format: 'car' })
    expect(added.root.toString()).toBe(TREE)
    expect(target.blocksOf(target.self)).toHaveLength(28)
    expect(target.blocksOf(target.self).map((block) => block.cid.toString())).toEqual(
      blocks.map((block) => block.cid.toString())
    )
    expect(target.pinned.map((pin) => pin.cid.toString())).toEqual([TREE])
  })

  it('AR-5: 10,000 small files in a wrapping directory', async () => {
    function* files(): Generator<FileEntry> {
      for (let index = 0; index < 10_000; index++) {
        const name = index.toString()
        yield { type: 'file', path: name, content: each([Buffer.from(name)]) }
      }
    }
    const { events } = await addTo(createAdder(), new MemoryAddTarget(), files(), { wrapWithDirectory: true })
    expect(events).toHaveLength(10_001)
    expect(events.at(-1)?.name).toBe('')
  })

  it.each([
    ['AR-6: wrapped', { wrapWithDirectory: true }, 'QmbfGRPTUd7L1xsAZZ1A3kUFP1zkEZ9kHdb6AGaajBzGGX'],
    ['AR-7: trickle', { layout: 'trickle' } as const, 'QmYMbx56GFNBDAaAMchtjmWjDTdqNKCSGuFxtRosiPgJL6']
  ])('%s: its root is pinned', async (_, params, root) => {
    const target = new MemoryAddTarget()
    expect((await addTo(createAdder(), target, treeEntries(), params)).root.toString()).toBe(root)
    expect(target.pinned.map(({ cid }) => cid.toString())).toEqual([root])
  })

  it.each([
    ['a chunker that there is not', { chunker: 'aweee' }, 'unrecognized chunker option: aweee'],
    ['shards that hold no block', { shardSize: 200n }, "block doesn't fit in empty shard: shard size too small?"]
  ])('AR-10: in shards, %s is an error', async (_, params, text) => {
    const target = new MemoryAddTarget()
    const adding = addTo(createAdder(), target, treeEntries(), { shard: true, shardSize: 307_200n, ...params })
    await expect(adding).rejects.toThrow(text)
    // What was pinned before the error is taken back.
    expect(target.unpinned.map(String).sort()).toEqual(target.pinned.map(({ cid }) => cid.toString()).sort())
  })

  it('AR-10: in shards, too few peers are an error', async () => {
    const target = new MemoryAddTarget()
    target.blockAllocate = () => Promise.reject(new Error('not enough peers to allocate'))
    const adding = addTo(createAdder(), target, treeEntries(), { shard: true, shardSize: 307_200n })
    await expect(adding).rejects.toThrow('not enough peers to allocate')
    expect(target.pinned).toEqual([])
  })
})
