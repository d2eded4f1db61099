import { MemoryDatastore, testCid } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cids, copyOf, pin, pinned, rest, unpin, World } from './crdt.fixture.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
  expect(world.clock.pending).toBe(0)
})

describe('batching', () => {
  test('CR-8: acknowledged at once, visible by age and by number', async () => {
    const batching = { maxBatchSize: 3, maxBatchAgeMs: 1000, maxQueueSize: 50_000 }
    const context = world.peer(1)
    const consensus = await world.start(context, { batching })
    expect(await consensus.commit([pin(1)], {})).toEqual([undefined])
    await world.clock.advance(250)
    expect(await pinned(consensus)).toEqual([])
    await world.clock.advance(1000)
    expect(await pinned(consensus)).toEqual(cids(1))
    for (const index of [2, 3, 4, 5]) await consensus.commit([pin(index)], {})
    await world.clock.advance(250)
    expect(await pinned(consensus)).toHaveLength(4)
    await world.clock.advance(1000)
    expect(await pinned(consensus)).toHaveLength(5)
    expect(context.lines.map(({ text }) => text)).toEqual(
      expect.arrayContaining(["'crdt batching' enabled: 3 items / 1s", 'batch commit (size): 3 items'])
    )
  })

  test('a full queue is an error of each operation; what was acknowledged survives a crash', async () => {
    const batching = { maxBatchSize: 100, maxBatchAgeMs: 60_000, maxQueueSize: 2 }
    const context = world.peer(1)
    const consensus = await world.start(context, { batching })
    await consensus.commit([pin(1), pin(2)], {})
    const [error] = await consensus.commit([pin(3)], {})
    expect(error).toMatchObject({ code: 'BUSY', message: expect.stringContaining('max_queue_size reached') as string })
    const copy = await copyOf(context.datastore)
    const again = await world.start(world.peer(2, { datastore: copy }), { batching })
    await rest()
    expect((await pinned(again)).sort()).toEqual(cids(1, 2))
  })

  const lazy = { maxBatchSize: 100, maxBatchAgeMs: 60_000, maxQueueSize: 1000 }
  const blocksOf = async (datastore: MemoryDatastore): Promise<number> =>
    (await Array.fromAsync(datastore.queryKeys({ prefix: '/c/b/blocks/' }))).length

  test('nobody reads what is not a block yet; pin and unpin of one window end as they were meant', async () => {
    const context = world.peer(1)
    const consensus = await world.start(context, { batching: lazy })
    await consensus.commit([pin(1), pin(2, 'first')], {})
    await consensus.commit([unpin(1), pin(2, 'second')], {})
    expect(await consensus.pinset.get(testCid(2), {})).toBeUndefined()
    await world.clock.advance(60_000)
    expect(await pinned(consensus)).toEqual(cids(2))
    expect(await consensus.pinset.get(testCid(2), {})).toMatchObject({ name: 'second' })
    expect(await blocksOf(context.datastore)).toBe(1)
  })

  test('makes no block of operations that change nothing', async () => {
    const context = world.peer(1)
    const consensus = await world.start(context, { batching: lazy })
    await consensus.commit([unpin(1), unpin(1), unpin(2)], {})
    await world.clock.advance(60_000)
    expect(await blocksOf(context.datastore)).toBe(0)
    expect(context.lines.map(({ text }) => text)).toContain('batch commit (max age): 3 items')
  })

  test('makes blocks of at most about 1 MiB', async () => {
    const context = world.peer(1)
    const consensus = await world.start(context, { batching: lazy })
    const large = Array.from({ length: 20 }, (_, index) => pin(index, 'x'.repeat(120_000)))
    await consensus.commit(large, {})
    await rest()
    expect(await pinned(consensus)).toHaveLength(16)
    await world.clock.advance(60_000)
    expect(await pinned(consensus)).toHaveLength(20)
    expect(await blocksOf(context.datastore)).toBe(3)
  })

  test('a stop makes a block of what waits and announces nothing; the next start does', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const b = await world.start(contextB)
    const a = await world.start(contextA, { batching: lazy })
    await rest()
    await world.clock.advance(5000)
    await a.commit([pin(1), pin(2)], {})
    const before = world.announced.length
    await a.stop({})
    expect(await blocksOf(contextA.datastore)).toBe(1)
    expect(contextA.lines.map(({ text }) => text)).toContain('batch commit (shutdown): 2 items')
    const [late] = await a.commit([pin(3)], {})
    expect(late).toMatchObject({ code: 'STOPPED', message: 'shutting down. Pin could not be batched' })
    await rest()
    expect(world.announced.slice(before).filter(({ from }) => from.equals(contextA.self))).toEqual([])
    expect(await pinned(b)).toEqual([])
    await world.start(contextA, { batching: lazy })
    await rest()
    await world.clock.advance(5000)
    expect(await pinned(b)).toEqual(cids(1, 2))
  })

  test('after kill -9 at any write, what was acknowledged is there', async () => {
    let commits = 0
    const datastore = new MemoryDatastore({ onCommit: () => (commits += 1) })
    const snapshots: { datastore: MemoryDatastore; acknowledged: number[] }[] = []
    const acknowledged: number[] = []
    const consensus = await world.start(world.peer(1, { datastore }), {
      batching: { maxBatchSize: 3, maxBatchAgeMs: 1000, maxQueueSize: 100 }
    })
    for (let index = 0; index < 10; index += 1) {
      await consensus.commit([pin(index)], {})
      acknowledged.push(index)
      snapshots.push({ datastore: await copyOf(datastore), acknowledged: [...acknowledged] })
    }
    expect(commits).toBeGreaterThan(10)
    for (const [at, { datastore: disk, acknowledged: promised }] of snapshots.entries()) {
      const again = await world.start(world.peer(20 + at, { datastore: disk }))
      await rest()
      expect(await pinned(again)).toEqual(expect.arrayContaining(cids(...promised)))
      await again.stop({})
    }
  })
})
