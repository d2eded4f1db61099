import { DagBlocks, MerkleCrdt } from '@cluster/merkle-crdt'
import { itemsOf, pinOf, timestampFromMs, type Metric, type PinsetOperation } from '@cluster/api'
import {
  ManualClock,
  memoryCounters,
  MemoryDatastore,
  MemoryExchangeHub,
  MemoryGossip,
  MemoryMetrics,
  settle,
  testCid,
  testContext,
  testPeerId,
  type TestContext
} from '@cluster/testing'
import type { PeerId } from '@libp2p/interface'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import crdt, { crdtConfig, CrdtConsensus, type CrdtConfig, type CrdtContext } from './index.ts'

const pin = (index: number, name = 'a pin'): PinsetOperation => ({
  type: 'pin',
  pin: pinOf(testCid(index), { name, replicationFactorMin: -1, replicationFactorMax: -1 })
})
const unpin = (index: number): PinsetOperation => ({ type: 'unpin', cid: testCid(index) })

let clock: ManualClock
let gossip: MemoryGossip
let hub: MemoryExchangeHub
let metrics: MemoryMetrics
let running: CrdtConsensus[]
/** Pairs of peers between which nothing passes. */
let cut: Set<PeerId>

beforeEach(() => {
  clock = new ManualClock()
  cut = new Set()
  const passes = (from: PeerId, to: PeerId): boolean => !cut.has(from) && !cut.has(to)
  gossip = new MemoryGossip(passes)
  hub = new MemoryExchangeHub(passes)
  metrics = new MemoryMetrics(clock)
  running = []
})
afterEach(async () => {
  for (const each of running) await each.stop({})
  expect(clock.pending).toBe(0)
})

type Peer = TestContext & CrdtContext & { readonly kept: string[]; readonly datastore: MemoryDatastore }
function peer(index: number, over: Partial<CrdtContext> = {}): Peer {
  const self = testPeerId(index)
  const kept: string[] = []
  return {
    ...testContext({ self, clock }),
    datastore: new MemoryDatastore(),
    exchange: hub.join(self),
    network: {
      ...gossip.join(self),
      keep: (trusted, tag) => {
        kept.push(`${tag} ${trusted.toString()}`)
        return Promise.resolve()
      }
    },
    monitor: metrics.join(self),
    bootstrap: undefined,
    kept,
    ...over
  } as Peer
}
async function start(context: CrdtContext, config: Partial<CrdtConfig> = {}): Promise<CrdtConsensus> {
  const consensus = new CrdtConsensus(context, { ...crdtConfig.defaults, ...config })
  running.push(consensus)
  await consensus.start({})
  return consensus
}
async function pinned(consensus: CrdtConsensus): Promise<string[]> {
  const cids: string[] = []
  for await (const each of itemsOf(consensus.pinset.list({}))) cids.push(each.cid.toString())
  return cids
}
const cids = (...indexes: number[]): string[] => indexes.map((index) => testCid(index).toString()).sort()
/** Lets messages and fetches go as far as they can without time passing. */
async function rest(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await settle()
}

describe('counters', () => {
  test('tell how many pins there are: 0 at first, then all that were listed and came since', async () => {
    const context = peer(1)
    const counted = async (counters: ReturnType<typeof memoryCounters>) => (await counters.read())['ipfscluster_pins']
    const [before, after] = [memoryCounters(), memoryCounters()]
    const first = await start({ ...context, metrics: before })
    expect(await counted(before)).toBe(0)
    await first.commit([pin(1), pin(2), pin(3)], {})
    await first.commit([pin(1, 'renamed'), unpin(2), unpin(9)], {})
    expect(await counted(before)).toBe(2)
    await first.stop({})
    const second = await start({ ...context, metrics: after })
    expect(await pinned(second)).toHaveLength(2)
    await second.commit([pin(4)], {})
    expect(await counted(after)).toBe(3)
    expect(await pinned(second)).toHaveLength(3)
    expect(await counted(after)).toBe(3)
  })

  test('tell of a change that fits no block', async () => {
    const counters = memoryCounters()
    const consensus = await start({ ...peer(1), metrics: counters })
    const huge = { ...pinOf(testCid(1)), name: 'x'.repeat(2_000_000) }
    const [error] = await consensus.commit([{ type: 'pin', pin: huge }], {})
    expect(error?.code).toBe('LIMIT')
    expect((await counters.read())['ipfscluster_limits_reached{pinset_changes}']).toBe(1)
  })
})

describe('several peers', () => {
  test('CR-4: what one pins, the other has; peers cannot be removed', async () => {
    const [contextA, contextB] = [peer(1), peer(2)]
    const a = await start(contextA, { trustedPeers: [] })
    const b = await start(contextB, { trustedPeers: [contextA.self] })
    expect(contextB.kept).toEqual([`crdt ${contextA.self.toString()}`])
    await a.addPeer()
    await a.commit([pin(1)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(1))
    await expect(a.rmPeer()).rejects.toThrow('crdt consensus component cannot remove peers')
    await expect(a.leader()).rejects.toThrow('crdt consensus component does not provide a leader')
    // and not the other way round: a trusts nobody
    await b.commit([pin(2)], {})
    await rest()
    expect(await pinned(a)).toEqual(cids(1))
  })

  test('CR-5: after the end of trust changes are not taken any more', async () => {
    const [contextA, contextB] = [peer(1), peer(2)]
    const a = await start(contextA)
    const b = await start(contextB, { trustedPeers: [] })
    await b.trust(contextA.self)
    expect(b.isTrusted(contextA.self)).toBe(true)
    await a.commit([pin(1)], {})
    await rest()
    b.distrust(contextA.self)
    expect(b.isTrusted(contextA.self)).toBe(false)
    await a.commit([pin(2)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(1))
  })

  test('peers of --bootstrap are trusted, unless told otherwise', async () => {
    const [other] = [testPeerId(9)]
    const trusting = await start(peer(1, { bootstrap: { peers: [other], trust: true } }), { trustedPeers: [] })
    const other2 = await start(peer(2, { bootstrap: { peers: [other], trust: false } }), { trustedPeers: [] })
    expect([trusting.isTrusted(other), other2.isTrusted(other)]).toEqual([true, false])
  })

  test('three peers that write at the same time arrive at the same pinset and one head', async () => {
    const peers = [await start(peer(1)), await start(peer(2)), await start(peer(3))]
    await Promise.all(
      peers.flatMap((consensus, at) => [
        consensus.commit([pin(at * 10), pin(100, `of ${at}`)], {}),
        consensus.commit([pin(at * 10 + 1), unpin(at * 10)], {})
      ])
    )
    await rest()
    const [a, b, c] = peers
    if (a === undefined || b === undefined || c === undefined) throw new Error('no peers')
    expect(await pinned(a)).toHaveLength(4)
    expect(await pinned(b)).toEqual(await pinned(a))
    expect(await pinned(c)).toEqual(await pinned(a))
    const names = await Promise.all(peers.map((each) => each.pinset.get(testCid(100), {})))
    expect(new Set(names.map((each) => each?.name)).size).toBe(1)
    await a.commit([pin(200)], {})
    await rest()
    expect((await c.stats()).heads).toHaveLength(1)
  })

  test('a peer that comes later is told the heads at once, and one that comes back what it missed', async () => {
    const a = await start(peer(1))
    await a.commit([pin(1)], {})
    const contextB = peer(2)
    const b = await start(contextB)
    await rest()
    await clock.advance(50)
    expect(await pinned(b)).toEqual(cids(1))
    await b.stop({})
    await a.commit([pin(2)], {})
    const back = await start(contextB)
    await clock.advance(2050) // announcements to those who come have a distance
    expect((await pinned(back)).sort()).toEqual(cids(1, 2))
  })

  test('peers that were cut off from each other join again with the next announcement', async () => {
    const [contextA, contextB] = [peer(1), peer(2)]
    const a = await start(contextA, { rebroadcastIntervalMs: 10_000 })
    const b = await start(contextB, { rebroadcastIntervalMs: 10_000 })
    cut.add(contextB.self)
    await a.commit([pin(1)], {})
    await b.commit([pin(2)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(2))
    cut.clear()
    await clock.advance(30_000)
    expect((await pinned(a)).sort()).toEqual(cids(1, 2))
    expect((await pinned(b)).sort()).toEqual(cids(1, 2))
  })

  test('clusters of another name do not meet', async () => {
    const a = await start(peer(1), { clusterName: 'one' })
    const b = await start(peer(2), { clusterName: 'two' })
    await a.commit([pin(1)], {})
    await rest()
    expect(await pinned(b)).toEqual([])
  })
})

describe('one peer', () => {
  test('CR-6: members are who sends the metric, by the bytes of their IDs', async () => {
    const context = peer(1)
    const consensus = await start(context)
    const metric = (index: number, over: Partial<Metric> = {}): Metric => ({
      name: 'ping',
      peer: testPeerId(index),
      value: '',
      expire: timestampFromMs(clock.nowMs() + 60_000),
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n,
      ...over
    })
    context.monitor.latestMetrics('ping')
    for (const each of [metric(2), metric(3), metric(4, { name: 'other' }), metric(5, { valid: false })]) {
      metrics.deliver(each)
    }
    const expected = [1, 2, 3]
      .map((index) => testPeerId(index))
      .sort((x, y) => Buffer.compare(x.toMultihash().bytes, y.toMultihash().bytes))
    expect((await consensus.peers()).map(String)).toEqual(expected.map(String))
  })

  test('CR-8: batching: acknowledged at once, visible by age and by number', async () => {
    const batching = { maxBatchSize: 3, maxBatchAgeMs: 1000, maxQueueSize: 50_000 }
    const context = peer(1)
    const consensus = await start(context, { batching })
    expect(await consensus.commit([pin(1)], {})).toEqual([undefined])
    await clock.advance(250)
    expect(await pinned(consensus)).toEqual([])
    await clock.advance(1000)
    expect(await pinned(consensus)).toEqual(cids(1))
    for (const index of [2, 3, 4, 5]) await consensus.commit([pin(index)], {})
    await clock.advance(250)
    expect(await pinned(consensus)).toHaveLength(4)
    await clock.advance(1000)
    expect(await pinned(consensus)).toHaveLength(5)
    expect(context.lines.map(({ text }) => text)).toEqual(
      expect.arrayContaining(["'crdt batching' enabled: 3 items / 1s", 'batch commit (size): 3 items'])
    )
  })

  test('batching: a full queue is an error of each operation; what was acknowledged survives a crash', async () => {
    const batching = { maxBatchSize: 100, maxBatchAgeMs: 60_000, maxQueueSize: 2 }
    const context = peer(1)
    const consensus = await start(context, { batching })
    await consensus.commit([pin(1), pin(2)], {})
    const [error] = await consensus.commit([pin(3)], {})
    expect(error).toMatchObject({ code: 'LIMIT', message: expect.stringContaining('max_queue_size reached') as string })
    const copy = new MemoryDatastore()
    for await (const { key, value } of context.datastore.query({})) copy.put(key, value)
    const again = await start(peer(2, { datastore: copy }), { batching })
    await rest()
    expect((await pinned(again)).sort()).toEqual(cids(1, 2))
  })

  test('a datastore that fails is an error of each operation, and the next commit works', async () => {
    let isFull = false
    const datastore = new MemoryDatastore({
      onCommit: () => {
        if (isFull) throw new Error('disk full')
      }
    })
    const consensus = await start(peer(1, { datastore }))
    isFull = true
    expect(await consensus.commit([pin(1), unpin(2)], {})).toMatchObject([
      { code: 'STORAGE', message: 'disk full' },
      { code: 'STORAGE' }
    ])
    isFull = false
    await clock.advance(60_000)
    expect(await consensus.commit([pin(1)], {})).toEqual([undefined])
  })

  test('a damaged datastore fails the start, and names the key', async () => {
    const context = peer(1)
    const consensus = await start(context)
    await consensus.commit([pin(1)], {})
    await consensus.stop({})
    for await (const key of context.datastore.queryKeys({ prefix: '/c/h/' }))
      await context.datastore.put(key, new Uint8Array())
    const broken = new CrdtConsensus(context, crdtConfig.defaults)
    await expect(broken.start({})).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('/c/h/CIQ') as string
    })
    await expect(broken.ready({})).rejects.toMatchObject({ code: 'CORRUPT' })
    await broken.stop({})
  })

  test('is not cleaned while it runs', async () => {
    const consensus = await start(peer(1))
    await expect(consensus.clean({})).rejects.toMatchObject({ code: 'BUSY' })
  })

  test('an entry that is no pin is logged and left out', async () => {
    const context = peer(1)
    const consensus = await start(context)
    await consensus.stop({})
    const { datastore: storage, random, log } = context
    const blocks = new DagBlocks(storage, '/c')
    const raw = await MerkleCrdt.open({ storage, namespace: '/c', blocks, clock, random, log, repairIntervalMs: 0 })
    await raw.commit([{ type: 'put', key: '/no-pin', value: Uint8Array.of(1) }])
    await raw.close()
    const again = await start(context)
    await again.commit([pin(1)], {})
    expect(await pinned(again)).toEqual(cids(1))
  })
})

test('CR-7: two pins, a stop, and the offline state has both', async () => {
  const context = peer(1)
  const batching = { maxBatchSize: 100, maxBatchAgeMs: 60_000, maxQueueSize: 100 }
  const consensus = await start(context, { batching })
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
