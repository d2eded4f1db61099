import { settle } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { openStore, type OpenStore } from '../open-store.fixture.ts'
import type { CatchUpOptions, CrdtOperation } from '../index.ts'
import { channelPair } from '../sync/catch-up/scene.fixture.ts'

const put = (key: string, value: string): CrdtOperation => ({
  type: 'put',
  key,
  value: new TextEncoder().encode(value)
})
const OTHER = 'the other peer'
const firstWrite = { visiblePeers: () => [OTHER] }
const CLOSED_TOPIC = { topic: 'a cluster', peers: () => [] }
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await settle()
}

/** Catching up with another store. */
function asks(other: OpenStore): CatchUpOptions {
  const open = () => {
    const [here, there] = channelPair()
    void other.store.serveCatchUp(there, 'this peer')
    return Promise.resolve(here)
  }
  return { topic: 'a cluster', peers: () => [{ id: OTHER, isTrusted: true, open }] }
}

/** What became of a change so far. */
function outcome(change: Promise<void>): () => string {
  let state = 'waits'
  change.then(
    () => (state = 'done'),
    (error: unknown) => (state = String(error))
  )
  return () => state
}
async function linksOf({ store }: OpenStore): Promise<string[]> {
  for await (const { links } of store.dag()) return links.map(String)
  return []
}
/** The head of a store, which others can fetch from here. */
async function headFor(reader: OpenStore, other: OpenStore): Promise<CID> {
  const [head] = (await other.store.stats()).heads
  if (head === undefined) throw new Error('no head')
  reader.remote.add({ cid: head, bytes: await other.blocks.get(head) })
  return head
}

describe('the first change of a store without heads', () => {
  test('waits for heads of the others, and builds on them', async () => {
    const other = await openStore()
    await other.store.commit([put('/a', 'old')])
    const fresh = await openStore({ firstWrite })
    const states: string[] = []
    fresh.store.addEventListener('state', ({ detail }) => states.push(`${detail.state}: ${detail.reason}`))
    const change = outcome(fresh.store.commit([put('/a', 'new')]))
    await turns()
    expect(change()).toBe('waits')
    const until = new Date(fresh.clock.nowMs() + 60_000).toISOString()
    const waiting = `syncing: the first change here waits for heads of other peers, until ${until} at most`
    expect(states).toEqual([waiting])
    const { state, reason } = fresh.store.status()
    expect(`${state}: ${reason}`).toBe(waiting)
    const head = await headFor(fresh, other)
    await fresh.hear(head)
    await turns()
    expect(change()).toBe('done')
    expect(await linksOf(fresh)).toEqual([head.toString()])
    expect(new TextDecoder().decode(await fresh.store.get('/a'))).toBe('new')
    expect(fresh.store.status().state).toBe('synced')
    expect((await fresh.store.stats()).maxHeight).toBe(2n)
    await fresh.store.close()
    await other.store.close()
  })

  test('waits no longer than the limit', async () => {
    const { store, clock } = await openStore({ firstWrite: { ...firstWrite, maxDelayMs: 7000 } })
    const change = outcome(store.commit([put('/a', '1')]))
    await clock.advance(6999)
    expect(change()).toBe('waits')
    await clock.advance(1)
    await turns()
    expect(change()).toBe('done')
    const second = outcome(store.commit([put('/a', '2')]))
    await turns()
    expect(second()).toBe('done')
    await store.close()
  })

  test('counts the time in which it could have heard of heads already', async () => {
    const { store, clock } = await openStore({ firstWrite: { ...firstWrite, maxDelayMs: 7000 } })
    await clock.advance(60_000)
    const change = outcome(store.commit([put('/a', '1')]))
    await clock.advance(1999)
    expect(change()).toBe('waits')
    await clock.advance(1)
    await turns()
    expect(change()).toBe('done')
    await store.close()
  })

  test('does not wait if nobody is there, nor if all who are there have no heads either', async () => {
    const alone = await openStore({ firstWrite: { visiblePeers: () => [] } })
    await alone.store.commit([put('/a', '1')])
    await alone.store.close()
    const other = await openStore({ catchUp: CLOSED_TOPIC })
    const fresh = await openStore({ firstWrite, catchUp: asks(other) })
    const change = outcome(fresh.store.commit([put('/a', '1')]))
    await turns()
    expect(change()).toBe('done')
    await fresh.store.close()
    await other.store.close()
  })

  test('takes the heads of who tells them, without their announcement', async () => {
    const other = await openStore({ catchUp: CLOSED_TOPIC })
    await other.store.commit([put('/a', 'old')])
    const fresh = await openStore({ firstWrite, catchUp: asks(other) })
    const head = await headFor(fresh, other)
    const change = outcome(fresh.store.commit([put('/a', 'new')]))
    await turns()
    expect(change()).toBe('done')
    expect(await linksOf(fresh)).toEqual([head.toString()])
    await fresh.store.close()
    await other.store.close()
  })

  test('asks again who did not answer', async () => {
    const other = await openStore({ catchUp: CLOSED_TOPIC })
    const catchUp = asks(other)
    let isKnown = false
    const fresh = await openStore({
      firstWrite,
      catchUp: { ...catchUp, peers: () => (isKnown ? catchUp.peers() : []) }
    })
    const change = outcome(fresh.store.commit([put('/a', '1')]))
    await turns()
    expect(change()).toBe('waits')
    isKnown = true
    await fresh.clock.advance(1000)
    await turns()
    expect(change()).toBe('done')
    await fresh.store.close()
    await other.store.close()
  })

  test('is made when the store is closed', async () => {
    const { store, storage } = await openStore({ firstWrite })
    const change = outcome(store.commit([put('/a', '1')]))
    await turns()
    await store.close()
    expect(change()).toBe('done')
    const { store: again } = await openStore({ storage })
    expect((await again.stats()).maxHeight).toBe(1n)
    await again.close()
  })
})
