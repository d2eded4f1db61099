import { MemoryDatastore } from '@cluster/testing'
import { Key, type Pair } from 'interface-datastore'
import { expect, test } from 'vitest'
import type { StorageOperation } from '../ports.ts'
import { PendingWrites } from './pending-writes.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, value: string): StorageOperation => ({ put: { key: new Key(key), value: bytes(value) } })
const remove = (key: string): StorageOperation => ({ delete: new Key(key) })

/** A datastore whose commits wait. */
class Slow extends MemoryDatastore {
  readonly #waiting: { end: () => void; fail: (error: Error) => void }[] = []

  end(error?: Error): void {
    for (const { end, fail } of this.#waiting.splice(0)) {
      if (error === undefined) end()
      else fail(error)
    }
  }

  override async commit(...args: Parameters<MemoryDatastore['commit']>): Promise<void> {
    await new Promise<void>((end, fail) => {
      this.#waiting.push({ end, fail })
    })
    await super.commit(...args)
  }
}

async function listed(store: PendingWrites, limit?: number): Promise<string[]> {
  const range = { gte: new Key('/a'), lt: new Key('/x'), ...(limit === undefined ? {} : { limit }) }
  const pairs: Pair[] = []
  for await (const page of store.scan(range, {})) pairs.push(...page)
  return pairs.map(({ key, value }) => `${key.toString()} ${new TextDecoder().decode(value)}`)
}
async function values(store: PendingWrites, ...keys: string[]): Promise<(string | undefined)[]> {
  const read = await store.readMany(keys.map((key) => new Key(key)))
  return read.map((value) => value && new TextDecoder().decode(value))
}

test('reads see what is on its way, as if it had arrived', async () => {
  const storage = new Slow()
  for (const key of ['/b', '/d', '/f', '/h', '/z']) storage.put(new Key(key), bytes('old'))
  const store = new PendingWrites(storage)
  const before = await listed(store)
  const first = store.commit([put('/a', '1'), put('/d', '1'), remove('/f'), put('/y', '1')], { durable: true })
  const second = store.commit([put('/e', '2'), put('/d', '2'), remove('/h'), put('/f/g', '2')], { durable: true })
  const now = ['/a 1', '/b old', '/d 2', '/e 2', '/f/g 2']
  expect(await listed(store)).toEqual(now)
  expect(await listed(store, 3)).toEqual(now.slice(0, 3))
  expect(await values(store, '/a', '/b', '/d', '/f', '/none')).toEqual(['1', 'old', '2', undefined, undefined])
  expect(await store.has(new Key('/a'))).toBe(true)
  expect(await store.has(new Key('/h'))).toBe(false)
  expect(await store.get(new Key('/d'))).toEqual(bytes('2'))
  await expect(store.get(new Key('/h'))).rejects.toMatchObject({ name: 'NotFoundError' })
  expect(storage.get(new Key('/d'))).toEqual(bytes('old'))
  storage.end()
  await Promise.all([first, second])
  expect(await listed(store)).toEqual(now)
  expect(before).toEqual(['/b old', '/d old', '/f old', '/h old'])
})

test('what failed is not seen any more', async () => {
  const storage = new Slow()
  const store = new PendingWrites(storage)
  const commit = store.commit([put('/a', '1')], { durable: true })
  expect(await values(store, '/a')).toEqual(['1'])
  storage.end(new Error('disk full'))
  await expect(commit).rejects.toThrow('disk full')
  expect(await values(store, '/a')).toEqual([undefined])
})
