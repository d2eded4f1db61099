import { Inbox, ManualClock, MemoryDatastore, memoryLogger, RemoteBlocks, seededRandom, settle } from '@cluster/testing'
import { expect, test } from 'vitest'
import { createNode, DagBlocks, encodeBroadcast, MerkleCrdt, type DeltaNode, type MerkleCrdtInit } from '../index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
function node(priority: number, key: string, ...parents: DeltaNode[]): DeltaNode {
  const delta = { elements: [{ key, value: bytes(key) }], tombstones: [], priority: BigInt(priority) }
  return createNode(
    delta,
    parents.map(({ cid }) => cid)
  )
}

async function open(init: Partial<MerkleCrdtInit> = {}) {
  let isFull = false
  const storage = new MemoryDatastore({
    onCommit: () => {
      if (isFull) throw new Error('the disk is full')
    }
  })
  const blocks = new DagBlocks(storage, '/c')
  const [clock, remote, inbox] = [new ManualClock(), new RemoteBlocks(), new Inbox()]
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks,
    exchange: remote.over(blocks),
    broadcaster: {
      broadcast: (data) => inbox.broadcast(data),
      messages: async function* (options) {
        for await (const data of inbox.messages(options)) yield { data, from: 'ann' }
      }
    },
    clock,
    random: seededRandom(7),
    log: memoryLogger(),
    repairIntervalMs: 0,
    fetch: { blockTimeoutMs: 1000 },
    ...init
  })
  const told: string[] = []
  store.addEventListener('state', ({ detail }) => told.push(detail.state))
  const fill = (value: boolean): void => {
    isFull = value
  }
  return { store, clock, remote, inbox, told, fill }
}

test('a store is synced, syncing, stuck while a block cannot be had, and synced again', async () => {
  const { store, clock, remote, inbox, told } = await open()
  expect(store.status()).toMatchObject({ state: 'synced', reason: 'no heads are known yet', progress: undefined })
  const root = node(1, '/a')
  const head = node(2, '/b', root)
  remote.add(head)
  const missing: unknown[] = []
  store.addEventListener('missing', ({ detail }) => missing.push(detail))
  await inbox.deliver(encodeBroadcast([head.cid]))
  await settle()
  expect(store.status()).toMatchObject({
    state: 'syncing',
    headCount: 1,
    queue: { jobs: 1, fetching: 1 },
    progress: { isFirst: true, done: 1, known: 2 }
  })
  const sinceMs = clock.nowMs()
  await clock.advance(1000)
  const { cid } = root
  expect(store.status()).toMatchObject({
    state: 'stuck',
    missing: [
      {
        cid,
        root: head.cid,
        isAnnounced: false,
        announcedBy: 'ann',
        sinceMs,
        attempts: 1,
        lastReason: `error getting block ${cid.toString()}: not within 1000 ms`,
        nextTryMs: expect.any(Number) as number
      }
    ],
    lastError: { code: 'ERR_CRDT_FETCH', atMs: clock.nowMs() },
    counters: { failedFetches: 1 }
  })
  expect(store.status().reason).toContain(`1 block cannot be had; the first is ${cid.toString()}, since 20`)
  expect(missing).toHaveLength(1)
  remote.add(root)
  store.retryNow()
  await clock.advance(2000)
  expect(store.status()).toMatchObject({
    state: 'synced',
    reason: 'all announced heads are merged',
    heads: [{ cid: head.cid, height: 2n }],
    missing: [],
    counters: { merged: 2, published: 0 }
  })
  expect(told).toEqual(['syncing', 'stuck', 'synced'])
  await store.close()
})

test('a store that cannot write says so, until it can', async () => {
  const { store, clock, told, fill } = await open()
  fill(true)
  await expect(store.commit([{ type: 'put', key: '/a', value: bytes('1') }])).rejects.toThrow('the disk is full')
  expect(store.status()).toMatchObject({
    state: 'stuck',
    reason: 'the datastore cannot be read or written, it is tried again: the disk is full',
    counters: { failedWrites: 1, published: 0 }
  })
  fill(false)
  const heads: unknown[] = []
  store.addEventListener('heads', ({ detail }) => heads.push(detail))
  const written = store.commit([{ type: 'put', key: '/a', value: bytes('1') }])
  await clock.advance(1000)
  await written
  expect(store.status()).toMatchObject({ state: 'synced', counters: { failedWrites: 1, published: 1 } })
  expect(heads).toEqual([store.status().heads])
  expect(told).toEqual(['stuck', 'synced'])
  await store.close()
})

test('what is refused is told, with who announced it', async () => {
  const { store, remote, inbox } = await open()
  const rejected: unknown[] = []
  store.addEventListener('rejected', ({ detail }) => rejected.push(detail))
  const good = node(1, '/a')
  remote.add({ cid: good.cid, bytes: bytes('not the block') })
  await inbox.deliver(encodeBroadcast([good.cid]))
  await inbox.deliver(Uint8Array.of(1, 112, 18, 32))
  await store.idle()
  expect(rejected).toMatchObject([
    { reason: 'wrong-hash', cid: good.cid, from: 'ann' },
    { reason: 'bad-broadcast', cid: undefined, from: 'ann' }
  ])
  await store.close()
})
