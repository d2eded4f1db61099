import { MemoryDatastore } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { describe, expect, test } from 'vitest'
import { openStore } from './open-store.fixture.ts'
import type { MerkleCrdt } from './index.ts'
import { type CrdtOperation } from './index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, value: string): CrdtOperation => ({ type: 'put', key, value: bytes(value) })
const remove = (key: string): CrdtOperation => ({ type: 'delete', key })

async function listed(store: MerkleCrdt, options = {}): Promise<string[]> {
  const keys: string[] = []
  for await (const page of store.list(options)) keys.push(...page.map(({ key }) => key))
  return keys
}

describe('local changes', () => {
  test('are there when the commit returns, announced once, and listed in key order', async () => {
    const { store, sent } = await openStore()
    await store.commit([put('/b', '2'), put('/a', '1')])
    expect(await store.get('/a')).toEqual(bytes('1'))
    expect(await store.get('a')).toEqual(bytes('1'))
    expect(await listed(store)).toEqual(['/a', '/b'])
    expect(await listed(store, { after: '/a' })).toEqual(['/b'])
    expect(await listed(store, { limit: 1 })).toEqual(['/a'])
    expect(await listed(store, { limit: 0 })).toEqual([])
    expect(sent()).toHaveLength(1)
    expect(sent()[0]).toEqual((await store.stats()).heads.map(String))
    await store.close()
  })

  test('of many callers at once make few blocks and one chain', async () => {
    const { store } = await openStore()
    await Promise.all(Array.from({ length: 200 }, (_, index) => store.commit([put(`/k${index}`, 'x')])))
    const { heads, maxHeight } = await store.stats()
    expect(heads).toHaveLength(1)
    expect(maxHeight).toBeLessThanOrEqual(3n) // the first caller alone, then two halves
    expect(await listed(store)).toHaveLength(200)
    await store.close()
  })

  test('a removal of what is not there makes no block and no announcement', async () => {
    const { store, sent } = await openStore()
    await store.commit([remove('/none')])
    expect((await store.stats()).heads).toEqual([])
    expect(sent()).toEqual([])
    await store.close()
  })

  test('of one key in one commit: the last counts, and no key comes twice', async () => {
    const { store, storage } = await openStore({ keepTombstones: true })
    await store.commit([put('/a', '1')])
    await store.commit([remove('/a'), put('/a', '2'), put('/b', '1'), remove('/b')])
    expect(await store.get('/a')).toEqual(bytes('2'))
    expect(await store.get('/b')).toBeUndefined()
    const tombstones: string[] = []
    for await (const key of storage.queryKeys({ prefix: '/c/s/t/' })) tombstones.push(key.toString())
    expect(tombstones).toHaveLength(1)
    await store.close()
  })

  test('are counted by how many keys there are more', async () => {
    const { store, storage } = await openStore()
    await store.commit([put('/a', '1'), put('/b', '1')])
    await store.commit([put('/a', '2'), put('/c', '1'), put('/c', '2')])
    expect(store.growth).toBe(3)
    await store.commit([remove('/a'), remove('/none'), put('/d', '1'), remove('/d')])
    expect(store.growth).toBe(2)
    await store.close()
    const again = await openStore({ storage })
    await again.store.commit([put('/b', '3'), remove('/c')])
    expect(again.store.growth).toBe(-1)
    await again.store.close()
  })

  test('a value that fits no block is refused; so is a commit after close', async () => {
    const { store } = await openStore()
    const huge = { type: 'put', key: '/a', value: new Uint8Array(1024 * 1024) } as const
    await expect(store.commit([huge])).rejects.toMatchObject({ code: 'ERR_CRDT_TOO_LARGE' })
    await store.close()
    await store.close()
    await expect(store.commit([put('/a', '1')])).rejects.toMatchObject({ code: 'ERR_CRDT_CLOSED' })
  })

  test('a write that fails is told to its caller and changes nothing', async () => {
    let isFull = false
    const storage = new MemoryDatastore({
      onCommit: () => {
        if (isFull) throw new Error('disk full')
      }
    })
    const { store, clock } = await openStore({ storage })
    await store.commit([put('/a', '1')])
    isFull = true
    await expect(store.commit([put('/a', '2')])).rejects.toThrow('disk full')
    expect(await store.get('/a')).toEqual(bytes('1'))
    isFull = false
    const later = store.commit([put('/a', '3')])
    await clock.advance(5000)
    await later
    expect(await store.get('/a')).toEqual(bytes('3'))
    expect((await store.stats()).maxHeight).toBe(2n)
    await store.close()
  })
})

describe('batching', () => {
  const batching = { maxSize: 3, maxAgeMs: 1000, maxQueue: 5 }

  test('behaviours.md CR-8: by age, and by number', async () => {
    const { store, clock, sent } = await openStore({ batching })
    await store.commit([put('/1', 'x')])
    await clock.advance(250)
    expect(await listed(store)).toEqual([])
    await clock.advance(1000)
    expect(await listed(store)).toEqual(['/1'])
    for (const key of ['/2', '/3', '/4', '/5']) await store.commit([put(key, 'x')])
    await clock.advance(250)
    expect(await listed(store)).toHaveLength(4)
    await clock.advance(1000)
    expect(await listed(store)).toHaveLength(5)
    expect(sent()).toHaveLength(3)
    await store.close()
  })

  test('a full queue is refused with the text users know', async () => {
    const { store } = await openStore({ batching })
    const operations = ['/1', '/2', '/3', '/4', '/5', '/6'].map((key) => put(key, 'x'))
    await expect(store.commit(operations)).rejects.toMatchObject({
      code: 'ERR_CRDT_QUEUE_FULL',
      message: /^error batching item: batching max_queue_size reached\. /
    })
    await store.close()
  })

  test('what was acknowledged survives a crash before its block', async () => {
    const storage = new MemoryDatastore()
    const { store } = await openStore({ storage, batching })
    await store.commit([put('/1', 'x')])
    await store.commit([remove('/1')])
    await store.commit([put('/1', 'y')]).catch(() => undefined)
    // a second run over the same datastore, as after kill -9: the first one never made its block
    const copy = new MemoryDatastore()
    const crashed = await openStore({ storage: copy, batching: { ...batching, maxSize: 100 } })
    await crashed.store.commit([put('/k', '1'), put('/l', '2')])
    const third = new MemoryDatastore()
    for await (const { key, value } of copy.query({})) third.put(key, value)
    const again = await openStore({ storage: third, batching })
    await again.clock.advance(0)
    await again.store.idle()
    expect(await listed(again.store)).toEqual(['/k', '/l'])
    const journal: string[] = []
    for await (const key of third.queryKeys({ prefix: '/c/ts/q' })) journal.push(key.toString())
    expect(journal).toEqual([])
    for (const each of [store, crashed.store, again.store]) await each.close()
  })

  test('closing commits what waits, and announces nothing any more', async () => {
    const storage = new MemoryDatastore()
    const { store, sent } = await openStore({ storage, batching })
    await store.commit([put('/1', 'x')])
    await store.close()
    expect(sent()).toEqual([])
    expect(storage.has(new Key('/c/bs'))).toBe(false)
    const { store: again } = await openStore({ storage })
    expect(await listed(again)).toEqual(['/1'])
    await again.close()
  })
})
