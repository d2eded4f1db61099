import { hash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { MemoryDatastore, settle } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import { openStore } from './open-store.fixture.ts'
import { blockIdOf } from './wire/block-id.ts'
import type { MerkleCrdt } from './index.ts'
import { createNode, type CrdtChange, type CrdtOperation, type DeltaNode } from './index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, value: string): CrdtOperation => ({ type: 'put', key, value: bytes(value) })
const remove = (key: string): CrdtOperation => ({ type: 'delete', key })

function node(priority: number, key: string, value: string, ...parents: DeltaNode[]): DeltaNode {
  const delta = { elements: [{ key, value: bytes(value) }], tombstones: [], priority: BigInt(priority) }
  return createNode(
    delta,
    parents.map(({ cid }) => cid)
  )
}
/** A block with that content. */
function rawNode(content: Uint8Array): DeltaNode {
  const block = dagPb.encode({ Data: content, Links: [] })
  const cid = CID.createV1(0x70, Digest.create(0x12, new Uint8Array(hash('sha256', block, 'buffer'))))
  const delta = { elements: [], tombstones: [], priority: 0n }
  return { cid, id: blockIdOf(cid), bytes: block, delta, links: [], linkIds: [] }
}
async function listed(store: MerkleCrdt, options = {}): Promise<string[]> {
  const keys: string[] = []
  for await (const page of store.list(options)) keys.push(...page.map(({ key }) => key))
  return keys
}

describe('changes of others', () => {
  test('a head that nobody has holds up nothing, and is given up after its time', async () => {
    const { store, clock, remote, hear } = await openStore({ fetch: { headTimeoutMs: 1000 } })
    const good = node(1, '/a', '1')
    remote.add(good)
    await hear(node(9, '/x', 'nobody has it').cid)
    await hear(good.cid)
    await settle()
    expect(await store.get('/a')).toEqual(bytes('1'))
    expect(await store.stats()).toMatchObject({ queuedJobs: 1, fetching: 1 })
    await clock.advance(1000)
    expect(await store.stats()).toMatchObject({ queuedJobs: 0, isDirty: false })
    await store.close()
  })

  test('many heads nobody has leave room, and the oldest give way', async () => {
    const { store, remote, hear } = await openStore({ fetch: { maxHeadFetches: 2, maxPendingHeads: 10 } })
    for (let index = 0; index < 50; index += 1) await hear(node(9, '/x', String(index)).cid)
    expect(await store.stats()).toMatchObject({ queuedJobs: 12, fetching: 2, pendingHeads: 10 })
    expect(remote.asked).toHaveLength(2)
    await store.close()
  })

  test('a missing block below a head is tried until it is there, also after a restart', async () => {
    const storage = new MemoryDatastore()
    const first = await openStore({ storage, fetch: { blockTimeoutMs: 1000 } })
    const root = node(1, '/a', 'root')
    const middle = node(2, '/b', 'middle', root)
    const head = node(3, '/c', 'head', middle)
    first.remote.add(head)
    await first.hear(head.cid)
    await first.clock.advance(30_000)
    expect(await listed(first.store)).toEqual(['/c'])
    expect(first.remote.asked.filter((cid) => cid === middle.cid.toString()).length).toBeGreaterThan(2)
    await first.store.close()
    expect(first.clock.pending).toBe(0)

    const second = await openStore({ storage })
    second.remote.add(root, middle)
    second.store.retryNow()
    // the fetch of the open session waits for blocks to arrive: a new attempt finds them
    await second.clock.advance(200_000)
    expect(await listed(second.store)).toEqual(['/a', '/b', '/c'])
    expect((await second.store.stats()).heads.map(String)).toEqual([head.cid.toString()])
    await second.store.close()
  })

  test('bytes that are not the block are refused and counted; others may have it, so it is tried again', async () => {
    const { store, remote, hear, inbox } = await openStore()
    await inbox.deliver(Uint8Array.of(1, 112, 18, 32))
    const good = node(1, '/a', '1')
    remote.add({ cid: good.cid, bytes: bytes('not the block') })
    await hear(good.cid)
    await store.idle()
    expect(await store.stats()).toMatchObject({ rejected: 2, queuedJobs: 0, isDirty: false })
    const above = node(2, '/b', '2', good)
    remote.add(above)
    await hear(above.cid)
    await store.idle()
    expect(await store.stats()).toMatchObject({ rejected: 3, queuedJobs: 1, retrying: 1, isDirty: false })
    expect(store.status()).toMatchObject({ state: 'stuck' })
    expect(store.status().counters.rejected).toMatchObject({ 'bad-broadcast': 1, 'wrong-hash': 2 })
    remote.add(good)
    store.retryNow()
    await settle()
    expect(await listed(store)).toEqual(['/a', '/b'])
    expect(store.status()).toMatchObject({ state: 'synced', maxHeight: 2n })
    await store.close()
  })

  test('a block that no peer can read marks the store dirty, and its place moves with the heads', async () => {
    const storage = new MemoryDatastore()
    const first = await openStore({ storage })
    const bad = rawNode(bytes('no delta'))
    const root = node(1, '/a', '1')
    const head = node(3, '/b', '2', bad, root)
    first.remote.add(bad, root, head)
    await first.hear(head.cid)
    await first.store.idle()
    await settle()
    expect(await first.store.stats()).toMatchObject({ rejected: 1, queuedJobs: 0, isDirty: true })
    expect(first.store.status()).toMatchObject({ state: 'stuck', isDirty: true })
    expect(first.store.status().reason).toContain('next repair')
    await expect(first.store.repair()).rejects.toThrow('bad block')
    // a local block covers the head from which the bad block was reached
    await first.store.commit([put('/c', '3')])
    const { heads } = first.store.status()
    await first.store.close()

    const second = await openStore({ storage })
    second.remote.add(bad)
    second.store.retryNow()
    await second.clock.advance(200_000)
    expect(second.store.status()).toMatchObject({ heads, headCount: 1, isDirty: true })
    expect(await listed(second.store)).toEqual(['/a', '/b', '/c'])
    await second.store.close()
  })

  test('heads are announced only when they are durable', async () => {
    const disk = Promise.withResolvers<undefined>()
    let isSlow = false
    class SlowDisk extends MemoryDatastore {
      override async commit(...args: Parameters<MemoryDatastore['commit']>): Promise<void> {
        if (isSlow) await disk.promise
        await super.commit(...args)
      }
    }
    const { store, clock, sent } = await openStore({ storage: new SlowDisk(), rebroadcastIntervalMs: 1000 })
    isSlow = true
    const written = store.commit([put('/a', '1')])
    await clock.advance(3000)
    expect(sent()).toEqual([])
    disk.resolve(undefined)
    await written
    expect(sent()).toHaveLength(1)
    await store.close()
  })

  test('a local change while a walk is under way covers its head', async () => {
    const { store, remote, hear, clock } = await openStore({ fetch: { blockTimeoutMs: 1000 } })
    const root = node(1, '/a', 'root')
    const head = node(2, '/b', 'head', root)
    remote.add(head)
    await hear(head.cid)
    await settle()
    await store.commit([put('/c', 'local')])
    expect(await store.stats()).toMatchObject({ maxHeight: 3n })
    remote.add(root)
    await clock.advance(10_000)
    expect(await listed(store)).toEqual(['/a', '/b', '/c'])
    expect((await store.stats()).heads).toHaveLength(1)
    await store.close()
  })

  test('heads are announced on demand, for a peer that has just come, unless somebody did since', async () => {
    const { store, clock, sent, hear } = await openStore()
    await store.commit([put('/a', '1')])
    const { heads } = await store.stats()
    await clock.advance(10)
    await store.announceHeads(clock.nowMs())
    expect(sent()).toHaveLength(2)
    expect(sent()[1]).toEqual(heads.map(String))
    const cameMs = clock.nowMs()
    await clock.advance(10)
    await hear(...heads)
    await store.announceHeads(cameMs)
    expect(sent()).toHaveLength(2)
    await store.close()
  })

  test('heads that nobody mentioned are announced at each tick, others not', async () => {
    const { store, clock, sent, remote, hear } = await openStore({ rebroadcastIntervalMs: 1000 })
    const head = node(1, '/a', '1')
    remote.add(head)
    await hear(head.cid)
    await store.idle()
    await clock.advance(1300)
    expect(sent()).toEqual([]) // heard in this interval
    await clock.advance(1300)
    expect(sent()).toEqual([[head.cid.toString()]])
    await store.close()
    expect(clock.pending).toBe(0)
  })
})

describe('the feed of changes', () => {
  async function next(iterator: AsyncIterator<readonly CrdtChange[]>): Promise<readonly CrdtChange[]> {
    const result = await iterator.next()
    if (result.done === true) throw new Error('the feed ended')
    return result.value
  }
  const read = (store: MerkleCrdt, signal = new AbortController().signal): AsyncIterator<readonly CrdtChange[]> =>
    store.changes({ signal })[Symbol.asyncIterator]()

  test('begins with resync, then says what became of each key, once', async () => {
    const { store } = await openStore()
    await store.commit([put('/old', 'x')])
    const feed = read(store)
    expect(await next(feed)).toEqual([{ type: 'resync' }])
    await store.commit([put('/a', '1')])
    await store.commit([put('/a', '2'), put('/b', '1')])
    await store.commit([remove('/b')])
    expect(await next(feed)).toEqual([
      { type: 'put', key: '/a', value: bytes('2') },
      { type: 'delete', key: '/b' }
    ])
    await store.close()
    expect(await feed.next()).toMatchObject({ done: true })
  })

  test('a removal that leaves a concurrent version is a put of that version', async () => {
    const { store, remote, hear } = await openStore()
    await store.commit([put('/a', 'mine')])
    const [mine] = (await store.stats()).heads
    const feed = read(store)
    await next(feed)
    const theirs = node(1, '/a', 'theirs')
    if (mine === undefined) throw new Error('no head')
    const removal = createNode({ elements: [], tombstones: [{ key: '/a', id: blockIdOf(mine) }], priority: 2n }, [
      mine,
      theirs.cid
    ])
    remote.add(theirs, removal)
    await hear(removal.cid)
    await store.idle()
    expect(await next(feed)).toEqual([{ type: 'put', key: '/a', value: bytes('theirs') }])
    await store.close()
  })

  test('a first sync is one resync; what changes afterwards is told', async () => {
    const { store, remote, hear } = await openStore()
    const feed = read(store)
    await next(feed)
    const root = node(1, '/a', '1')
    const head = node(2, '/b', '2', root)
    remote.add(root, head)
    await hear(head.cid)
    await store.idle()
    expect(await next(feed)).toEqual([{ type: 'resync' }])
    const later = node(3, '/c', '3', head)
    remote.add(later)
    await hear(later.cid)
    expect(await next(feed)).toEqual([{ type: 'put', key: '/c', value: bytes('3') }])
    await store.close()
  })

  test('a reader that falls far behind gets a resync; an abort ends it', async () => {
    const { store } = await openStore()
    const controller = new AbortController()
    const feed = read(store, controller.signal)
    await next(feed)
    for (let part = 0; part < 5; part += 1) {
      await store.commit(Array.from({ length: 4000 }, (_, index) => put(`/k${part}/${index}`, 'x')))
    }
    expect(await next(feed)).toEqual([{ type: 'resync' }])
    const waiting = feed.next()
    controller.abort()
    await expect(waiting).rejects.toThrow('aborted')
    await store.close()
  })

  test('has one reader', async () => {
    const { store } = await openStore()
    const feed = read(store)
    await next(feed)
    await expect(read(store).next()).rejects.toThrow('one reader')
    await store.close()
  })
})
