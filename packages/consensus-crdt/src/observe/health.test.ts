import { memoryCounters, MemoryDatastore, testCid } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pin, rest, World } from '../crdt.fixture.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
})

/** Two peers, of which the second has heard of 12 blocks and cannot get those below the newest. */
async function gap() {
  const [contextA, contextB] = [world.peer(1), world.peer(2)]
  const metrics = memoryCounters()
  const a = await world.start(contextA)
  for (let index = 0; index < 10; index += 1) await a.commit([pin(index)], {})
  const b = world.create({ ...contextB, metrics })
  const states: string[] = []
  b.events.addEventListener('state', ({ detail }) => states.push(detail.state))
  const kept: (readonly [Parameters<MemoryDatastore['put']>[0], Uint8Array])[] = []
  for await (const { key, value } of contextA.datastore.query({ prefix: '/c/b/blocks/' })) kept.push([key, value])
  const { heads } = await a.stats()
  const [head] = heads
  for (const [key] of kept) contextA.datastore.delete(key)
  await a.commit([pin(10)], {})
  const restore = (): void => {
    for (const [key, value] of kept) contextA.datastore.put(key, value)
    world.hub.notify()
  }
  return { a, b, head, metrics, states, restore }
}

describe('health', () => {
  test('of a peer that starts, is alone, stops, or could not start', async () => {
    const context = world.peer(1)
    const consensus = world.create(context, { trustedPeers: [] })
    expect(await consensus.health()).toMatchObject({ consensus: 'crdt', state: 'starting' })
    await consensus.start({})
    expect(await consensus.health()).toMatchObject({
      state: 'synced',
      reason: 'no heads are known yet; no other peer is trusted, so nothing of others is taken'
    })
    await consensus.commit([pin(1)], {})
    expect(await consensus.health()).toMatchObject({ state: 'synced', headCount: 1, maxHeight: 1n, queuedBlocks: 0 })
    await consensus.stop({})
    expect(await consensus.health()).toMatchObject({ state: 'stopped' })
    for await (const key of context.datastore.queryKeys({ prefix: '/c/h/' })) {
      context.datastore.put(key, new Uint8Array())
    }
    const broken = world.create(context)
    await expect(broken.start({})).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(await broken.health()).toMatchObject({ state: 'stuck', reason: expect.stringContaining('/c/h/') as string })
  })

  test('says what is missing, for how long in vain, and gets well when it comes', async () => {
    const { b, head, metrics, states, restore } = await gap()
    await b.start({})
    await rest()
    await world.clock.advance(60)
    await rest()
    expect(await b.health()).toMatchObject({ state: 'syncing', firstSync: true, maxHeight: 11n, queuedBlocks: 1 })
    // nobody answers within the time of an attempt
    await world.clock.advance(121_000)
    await rest()
    const stuck = await b.health()
    expect(stuck).toMatchObject({ state: 'stuck', missingCount: 1, dirty: false, syncDone: 1, syncKnown: 2 })
    expect(stuck.reason).toContain(`1 block cannot be had; the first is ${head?.toString() ?? ''}`)
    expect(stuck.missing).toMatchObject([{ cid: head, attempts: 1 }])
    expect(stuck.missing[0]?.error).toContain('error getting block')
    expect(stuck.lastError).toContain('error getting block')
    expect(await metrics.read()).toMatchObject({
      'ipfscluster_crdt_state{stuck}': 1,
      'ipfscluster_crdt_state{synced}': 0,
      ipfscluster_crdt_heads: 1,
      ipfscluster_crdt_height: 11,
      'ipfscluster_crdt_blocks{missing}': 1,
      ipfscluster_crdt_queued_blocks: 1,
      'ipfscluster_crdt_sync_blocks{known}': 2,
      ipfscluster_crdt_merged_blocks: 1,
      ipfscluster_crdt_failed_fetches: 1,
      ipfscluster_crdt_dirty: 0
    })
    restore()
    await world.clock.advance(5000)
    await rest()
    expect(await b.health()).toMatchObject({ state: 'synced', missing: [], mergedBlocks: 11, syncKnown: 0 })
    expect(await b.pinset.get(testCid(0), {})).toBeDefined()
    expect(states.slice(0, 2)).toEqual(['syncing', 'stuck'])
    expect(states.at(-1)).toBe('synced')
  })

  test('says that the datastore fails, and which key is damaged', async () => {
    let isFull = false
    const datastore = new MemoryDatastore({
      onCommit: () => {
        if (isFull) throw new Error('disk full')
      }
    })
    const consensus = await world.start(world.peer(1, { datastore }))
    isFull = true
    await consensus.commit([pin(1)], {})
    expect(await consensus.health()).toMatchObject({
      state: 'stuck',
      reason: expect.stringContaining('it is tried again: disk full') as string,
      lastError: 'disk full',
      lastErrorAt: expect.any(BigInt) as bigint
    })
    isFull = false
    await world.clock.advance(60_000)
    await consensus.commit([pin(1)], {})
    expect(await consensus.health()).toMatchObject({ state: 'synced', lastError: 'disk full' })
    for await (const key of datastore.queryKeys({ prefix: '/c/s/k/' })) {
      if (key.toString().endsWith('/p')) datastore.put(key, new Uint8Array())
    }
    await consensus.commit([pin(1, 'again')], {})
    const { state, reason } = await consensus.health()
    expect([state, reason]).toEqual(['stuck', expect.stringMatching(/error decoding priority: the entry \/c\/s\/k\//)])
  })

  test('metrics of a peer that has not started are 0', async () => {
    const metrics = memoryCounters()
    world.create({ ...world.peer(1), metrics })
    expect(await metrics.read()).toMatchObject({ ipfscluster_crdt_heads: 0, ipfscluster_crdt_merged_blocks: 0 })
  })
})

test('many heads that stand for long are joined once, by the trusted peer with the lowest ID', async () => {
  const contexts = Array.from({ length: 18 }, (_, index) => world.peer(index + 1))
  const peers = await Promise.all(contexts.map((context) => world.start(context)))
  for (const { self } of contexts) world.cut.add(self)
  for (const [index, peer] of peers.entries()) await peer.commit([pin(index)], {})
  world.cut.clear()
  for (const { self } of contexts) world.ping(self)
  await world.clock.advance(200_000)
  await rest()
  const heads = async () => (await Promise.all(peers.map((peer) => peer.health()))).map(({ headCount }) => headCount)
  expect(new Set(await heads())).toEqual(new Set([18]))
  await world.clock.advance(800_000)
  await rest()
  expect(new Set(await heads())).toEqual(new Set([1]))
  const [{ maxHeight } = { maxHeight: 0n }] = await Promise.all(peers.map((peer) => peer.health()))
  expect(maxHeight).toBe(2n)
})
