import { expect, test } from 'vitest'
import { openStore } from '../open-store.fixture.ts'
import { createNode, decodeBroadcast, encodeBroadcast, type HeadMerging } from '../index.ts'

const MINUTE_MS = 60_000

async function open(headMerging: HeadMerging) {
  const { store, clock, remote, inbox } = await openStore({ rebroadcastIntervalMs: 3_600_000, headMerging })
  const fork = async (count: number): Promise<void> => {
    const roots = Array.from({ length: count }, (_, index) => {
      const value = new TextEncoder().encode(`value ${index}`)
      return createNode({ elements: [{ key: `/${index}`, value }], tombstones: [], priority: 1n }, [])
    })
    remote.add(...roots)
    await inbox.deliver(encodeBroadcast(roots.map(({ cid }) => cid)))
    await store.idle()
  }
  return { store, clock, inbox, fork }
}

test('many heads that stand for long are joined by the peer with the lowest ID, and announced', async () => {
  const { store, clock, inbox, fork } = await open({ self: 'b', visiblePeers: () => ['c', 'b'] })
  await fork(17)
  await clock.advance(9.9 * MINUTE_MS)
  expect(store.status()).toMatchObject({ headCount: 17, maxHeight: 1n })
  await clock.advance(1.2 * MINUTE_MS)
  const { heads, counters } = store.status()
  expect(heads).toMatchObject([{ height: 2n }])
  expect(counters.published).toBe(1)
  expect(inbox.sent.map((data) => decodeBroadcast(data).map(String)).at(-1)).toEqual([heads[0]?.cid.toString()])
  await store.close()
  expect(clock.pending).toBe(0)
})

test('another one leaves them to it, and takes over when it is gone', async () => {
  let visible = ['a', 'c']
  const { store, clock, fork } = await open({ self: 'b', visiblePeers: () => visible })
  await fork(17)
  await clock.advance(30 * MINUTE_MS)
  expect(store.status().headCount).toBe(17)
  visible = ['c']
  await clock.advance(MINUTE_MS)
  expect(store.status().headCount).toBe(1)
  await store.close()
})

test('few heads stay, and so do those that a local change joins in time', async () => {
  const { store, clock, fork } = await open({ self: 'b', visiblePeers: () => [] })
  await fork(16)
  await clock.advance(30 * MINUTE_MS)
  expect(store.status().headCount).toBe(16)
  await fork(17)
  await clock.advance(5 * MINUTE_MS)
  await store.commit([{ type: 'put', key: '/x', value: Uint8Array.of(1) }])
  await clock.advance(30 * MINUTE_MS)
  expect(store.status()).toMatchObject({ headCount: 1, counters: { published: 1 } })
  await store.close()
})
