import { MemoryDatastore } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { openStore } from '../open-store.fixture.ts'
import type { CrdtOperation } from '../index.ts'
import { Layout } from '../store/layout.ts'
import { MAX_GROUP_OPERATIONS } from './publisher.ts'

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes)
const put = (key: string, value: string): CrdtOperation => ({
  type: 'put',
  key,
  value: new TextEncoder().encode(value)
})
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await soon()
}

/** A disk on which durable writes end when they are told to. */
class HeldDatastore extends MemoryDatastore {
  isHeld = false
  readonly writes: { end: () => void; fail: (error: Error) => void }[] = []

  override async commit(...args: Parameters<MemoryDatastore['commit']>): Promise<void> {
    if (this.isHeld) {
      await new Promise<void>((end, fail) => {
        this.writes.push({ end, fail })
      })
    }
    await super.commit(...args)
  }

  release(): void {
    this.isHeld = false
    for (const { end } of this.writes.splice(0)) end()
  }
}

/** What became of a promise so far. */
function outcomeOf(promise: Promise<void>): () => string {
  let outcome = 'open'
  promise.then(
    () => (outcome = 'done'),
    (error: unknown) => (outcome = String(error))
  )
  return () => outcome
}

describe('a block formed while the one before is at the disk', () => {
  test('is written, announced and acknowledged after that one, and builds on it', async () => {
    const storage = new HeldDatastore()
    const { store, sent } = await openStore({ storage, formAhead: true })
    await store.commit([put('/a', '1')])
    storage.isHeld = true
    const first = outcomeOf(store.commit([put('/a', '2')]))
    await turns()
    const second = outcomeOf(store.commit([put('/a', '3'), { type: 'delete', key: '/b' }]))
    await turns()
    expect([first(), second()]).toEqual(['open', 'open'])
    expect(storage.writes).toHaveLength(1) // one after the other
    expect(text(await store.get('/a'))).toBe('1')
    expect(sent()).toHaveLength(1)
    storage.writes.shift()?.end()
    await turns()
    expect([first(), second()]).toEqual(['done', 'open'])
    expect(text(await store.get('/a'))).toBe('2')
    expect(sent()).toHaveLength(2)
    storage.release()
    await turns()
    expect(second()).toBe('done')
    expect(text(await store.get('/a'))).toBe('3')
    expect((await store.stats()).maxHeight).toBe(3n)
    expect(store.growth).toBe(1)
    await store.close()
  })

  test('takes back what that one added', async () => {
    const storage = new HeldDatastore()
    const { store } = await openStore({ storage, formAhead: true })
    storage.isHeld = true
    const added = store.commit([put('/a', '1')])
    await turns()
    const removed = store.commit([{ type: 'delete', key: '/a' }])
    await turns()
    storage.release()
    await Promise.all([added, removed])
    expect(await store.get('/a')).toBeUndefined()
    expect(store.growth).toBe(0)
    await store.close()
  })

  test('is taken back with that one, if the write fails', async () => {
    const storage = new HeldDatastore()
    const { store, sent, clock } = await openStore({ storage, formAhead: true })
    await store.commit([put('/a', '1')])
    const [head] = (await store.stats()).heads
    storage.isHeld = true
    const first = outcomeOf(store.commit([put('/a', '2')]))
    await turns()
    const second = outcomeOf(store.commit([put('/b', '2')]))
    await turns()
    storage.isHeld = false
    storage.writes.shift()?.fail(new Error('disk full'))
    await turns()
    expect([first(), second()]).toEqual(['Error: disk full', 'Error: disk full'])
    expect(text(await store.get('/a'))).toBe('1')
    expect(await store.get('/b')).toBeUndefined()
    expect((await store.stats()).heads).toEqual([head])
    expect(sent()).toHaveLength(1)
    const third = store.commit([put('/b', '3')])
    await clock.advance(5000)
    await third
    expect((await store.stats()).maxHeight).toBe(2n)
    expect(sent()).toHaveLength(2)
    await store.close()
  })

  test('is made again with that one, in their order, if their changes were acknowledged before', async () => {
    const storage = new HeldDatastore()
    const batching = { maxSize: 1, maxAgeMs: 1000, maxQueue: 10 }
    const { store, clock } = await openStore({ storage, formAhead: true, batching })
    let blocks = 0
    const writes: { end: () => void; fail: (error: Error) => void }[] = []
    const commit = storage.commit.bind(storage)
    storage.commit = async (operations, options) => {
      if (operations.some((operation) => 'put' in operation && operation.put.key.toString().includes('/blocks/'))) {
        blocks += 1
        await new Promise<void>((end, fail) => writes.push({ end, fail }))
      }
      await commit(operations, options)
    }
    await store.commit([put('/a', '1')])
    await turns()
    await store.commit([put('/a', '2')])
    await turns()
    expect(blocks).toBe(1)
    writes.shift()?.fail(new Error('disk full'))
    await turns()
    storage.commit = commit
    await clock.advance(5000)
    await turns()
    expect(text(await store.get('/a'))).toBe('2')
    expect((await store.stats()).waitingOperations).toBe(0)
    await store.close()
  })

  test('a store that is closed meanwhile ends both', async () => {
    const storage = new HeldDatastore()
    const { store } = await openStore({ storage, formAhead: true })
    storage.isHeld = true
    const first = store.commit([put('/a', '1')])
    await turns()
    const second = store.commit([put('/a', '2')])
    await turns()
    const closed = store.close()
    await turns()
    storage.release()
    await Promise.all([first, second, closed])
    expect(text(storage.get(new Layout('/c').value('/a')))).toBe('2')
  })
})

test('a store that is closed while a write fails makes no block over the one that is not there', async () => {
  const storage = new MemoryDatastore()
  const batching = { maxSize: 1, maxAgeMs: 1000, maxQueue: 10 }
  const { store } = await openStore({ storage, formAhead: true, batching })
  const commit = storage.commit.bind(storage)
  const blocks: ((error: Error) => void)[] = []
  const journal = { isHeld: false, end: (): void => undefined }
  storage.commit = async (operations, options) => {
    const isBlock = operations.some((one) => 'put' in one && one.put.key.toString().includes('/blocks/'))
    if (isBlock) await new Promise<void>((_, fail) => blocks.push(fail))
    else if (journal.isHeld) await new Promise<void>((end) => (journal.end = end))
    await commit(operations, options)
  }
  await store.commit([put('/a', '1')])
  await turns()
  expect(blocks).toHaveLength(1)
  journal.isHeld = true
  const late = store.commit([put('/a', '2')])
  await turns()
  const closed = store.close()
  await turns()
  journal.isHeld = false
  journal.end()
  await late
  await turns()
  blocks[0]?.(new Error('disk full'))
  await closed
  expect(blocks).toHaveLength(1)
  storage.commit = commit
  const again = await openStore({ storage, batching })
  await turns()
  expect(text(await again.store.get('/a'))).toBe('2')
  await again.store.close()
})

test('without it, what comes meanwhile goes into one block', async () => {
  const storage = new HeldDatastore()
  const { store } = await openStore({ storage, formAhead: false })
  storage.isHeld = true
  const commits = [store.commit([put('/a', '1')])]
  await turns()
  for (let index = 0; index < 100; index += 1) commits.push(store.commit([put(`/k${index}`, '1')]))
  await turns()
  storage.release()
  await Promise.all(commits)
  expect(commits.length).toBeLessThan(MAX_GROUP_OPERATIONS)
  expect((await store.stats()).maxHeight).toBe(2n)
  await store.close()
})
