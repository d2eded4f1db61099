import { DagBlocks, MerkleCrdt } from '@cluster/merkle-crdt'
import { itemsOf, pinOf, timestampFromMs, type Metric } from '@cluster/api'
import { memoryCounters, MemoryDatastore, testCid, testPeerId } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cids, pin, pinned, unpin, World } from './crdt.fixture.ts'
import crdt, { crdtConfig, CrdtConsensus } from './index.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
  expect(world.clock.pending).toBe(0)
})

describe('counters', () => {
  test('tell how many pins there are: 0 at first, then all that were listed and came since', async () => {
    const context = world.peer(1)
    const counted = async (counters: ReturnType<typeof memoryCounters>) => (await counters.read())['ipfscluster_pins']
    const [before, after] = [memoryCounters(), memoryCounters()]
    const first = await world.start({ ...context, metrics: before })
    expect(await counted(before)).toBe(0)
    await first.commit([pin(1), pin(2), pin(3)], {})
    await first.commit([pin(1, 'renamed'), unpin(2), unpin(9)], {})
    expect(await counted(before)).toBe(2)
    await first.stop({})
    const second = await world.start({ ...context, metrics: after })
    expect(await pinned(second)).toHaveLength(2)
    await second.commit([pin(4)], {})
    expect(await counted(after)).toBe(3)
    expect(await pinned(second)).toHaveLength(3)
    expect(await counted(after)).toBe(3)
  })

  test('tell of a change that fits no block', async () => {
    const counters = memoryCounters()
    const consensus = await world.start({ ...world.peer(1), metrics: counters })
    const huge = { ...pinOf(testCid(1)), name: 'x'.repeat(2_000_000) }
    const [error] = await consensus.commit([{ type: 'pin', pin: huge }], {})
    expect(error?.code).toBe('LIMIT')
    expect((await counters.read())['ipfscluster_limits_reached{pinset_changes}']).toBe(1)
  })
})

describe('one peer', () => {
  test('CR-6: members are who sends the metric, by the bytes of their IDs', async () => {
    const context = world.peer(1)
    const consensus = await world.start(context)
    const metric = (index: number, over: Partial<Metric> = {}): Metric => ({
      name: 'ping',
      peer: testPeerId(index),
      value: '',
      expire: timestampFromMs(world.clock.nowMs() + 60_000),
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n,
      ...over
    })
    context.monitor.latestMetrics('ping')
    for (const each of [metric(2), metric(3), metric(4, { name: 'other' }), metric(5, { valid: false })]) {
      world.metrics.deliver(each)
    }
    const expected = [1, 2, 3]
      .map((index) => testPeerId(index))
      .sort((x, y) => Buffer.compare(x.toMultihash().bytes, y.toMultihash().bytes))
    expect((await consensus.peers()).map(String)).toEqual(expected.map(String))
  })

  test('a datastore that fails is an error of each operation, and the next commit works', async () => {
    let isFull = false
    const datastore = new MemoryDatastore({
      onCommit: () => {
        if (isFull) throw new Error('disk full')
      }
    })
    const consensus = await world.start(world.peer(1, { datastore }))
    isFull = true
    expect(await consensus.commit([pin(1), unpin(2)], {})).toMatchObject([
      { code: 'STORAGE', message: 'disk full' },
      { code: 'STORAGE' }
    ])
    isFull = false
    await world.clock.advance(60_000)
    expect(await consensus.commit([pin(1)], {})).toEqual([undefined])
  })

  test('a damaged datastore fails the start, and names the key', async () => {
    const context = world.peer(1)
    const consensus = await world.start(context)
    await consensus.commit([pin(1)], {})
    await consensus.stop({})
    for await (const key of context.datastore.queryKeys({ prefix: '/c/h/' }))
      context.datastore.put(key, new Uint8Array())
    const broken = new CrdtConsensus(context, crdtConfig.defaults)
    await expect(broken.start({})).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringMatching(/^error decoding height: the entry \/c\/h\/CIQ\w+ .*state cleanup/) as string
    })
    await expect(broken.ready({})).rejects.toMatchObject({ code: 'CORRUPT' })
    await broken.stop({})
  })

  test('stopped while it starts, it leaves nothing behind', async () => {
    const context = world.peer(1)
    for (const wait of [0, 1, 3, 10, 30]) {
      const consensus = new CrdtConsensus(context, crdtConfig.defaults)
      const starting = consensus.start({}).then(
        () => 'started',
        (error: unknown) => (error as { code?: unknown }).code
      )
      for (let turn = 0; turn < wait; turn += 1) await Promise.resolve()
      await consensus.stop({})
      expect(['STOPPED', 'started']).toContain(await starting)
      expect(world.clock.pending).toBe(0)
      expect(await consensus.health()).toMatchObject({ state: 'stopped' })
    }
    // the exchange has room for the blocks of the next one
    expect(await pinned(await world.start(context))).toEqual([])
  })

  test('is not cleaned while it runs', async () => {
    const consensus = await world.start(world.peer(1))
    await expect(consensus.clean({})).rejects.toMatchObject({ code: 'BUSY' })
  })

  test('an entry that is no pin is logged and left out', async () => {
    const context = world.peer(1)
    const consensus = await world.start(context)
    await consensus.stop({})
    const { datastore: storage, random, log, clock } = context
    const blocks = new DagBlocks(storage, '/c')
    const raw = await MerkleCrdt.open({ storage, namespace: '/c', blocks, clock, random, log, repairIntervalMs: 0 })
    await raw.commit([{ type: 'put', key: '/no-pin', value: Uint8Array.of(1) }])
    await raw.close()
    const again = await world.start(context)
    await again.commit([pin(1)], {})
    expect(await pinned(again)).toEqual(cids(1))
  })
})

test('CR-7: two pins, a stop, and the offline state has both', async () => {
  const context = world.peer(1)
  const batching = { maxBatchSize: 100, maxBatchAgeMs: 60_000, maxQueueSize: 100 }
  const consensus = await world.start(context, { batching })
  await consensus.commit([pin(1), pin(2)], {})
  await consensus.stop({})
  const offline = crdt.offline?.(context, crdtConfig.defaults)
  if (offline === undefined) throw new Error('no offline state')
  const exported: string[] = []
  for await (const each of itemsOf(offline.export({}))) exported.push(each.cid.toString())
  expect(exported.sort()).toEqual(cids(1, 2))
  await offline.clean({})
  expect(context.datastore.size).toBe(0)
})
