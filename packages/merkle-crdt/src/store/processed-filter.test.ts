import { hash } from 'node:crypto'
import { ManualClock, MemoryDatastore, settle } from '@cluster/testing'
import { expect, test } from 'vitest'
import { Layout } from './layout.ts'
import { ProcessedFilter } from './processed-filter.ts'

const layout = new Layout('/c')
/** As long as an ID, and as random. */
function idOf(index: number): string {
  return `/CIQAAA${hash('sha256', String(index), 'hex').slice(0, 49).toUpperCase()}`
}
const ids = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => idOf(from + index))

async function open(storage: MemoryDatastore): Promise<ProcessedFilter> {
  const filter = new ProcessedFilter(storage, layout, new ManualClock(), new AbortController().signal)
  await filter.load()
  return filter
}
async function storeOf(...marks: string[]): Promise<MemoryDatastore> {
  const storage = new MemoryDatastore()
  await storage.commit(
    marks.map((id) => ({ put: { key: layout.processed(id), value: new Uint8Array() } })),
    { durable: true }
  )
  return storage
}

test('of a new store it is complete: it never denies a block that was added, and denies nearly all others', async () => {
  const filter = await open(new MemoryDatastore())
  expect(filter.isComplete).toBe(true)
  // more than the first layer holds
  const added = ids(0, 150_000)
  for (const id of added) filter.add(id)
  expect(added.every((id) => filter.mayHave(id))).toBe(true)
  const wrong = ids(150_000, 160_000).filter((id) => filter.mayHave(id)).length
  expect(wrong).toBeLessThan(300)
})

test('of another store it says nothing until many blocks are asked for; then it reads the marks once', async () => {
  const storage = await storeOf(...ids(0, 3000))
  const filter = await open(storage)
  expect(filter.isComplete).toBe(false)
  for (const id of ids(5000, 5600)) expect(filter.mayHave(id)).toBe(true)
  filter.add(idOf(4000)) // merged while the marks are read
  await settle()
  expect(filter.isComplete).toBe(true)
  expect([...ids(0, 3000), idOf(4000)].every((id) => filter.mayHave(id))).toBe(true)
  expect(ids(5000, 5600).filter((id) => filter.mayHave(id)).length).toBeLessThan(60)
})

test('what was written last is known for certain, until the store is read anew', async () => {
  const filter = await open(await storeOf(idOf(1)))
  expect(filter.has(idOf(2))).toBeUndefined()
  filter.wrote([idOf(2)])
  expect(filter.has(idOf(2))).toBe(true)
  filter.wrote(ids(10, 5000))
  expect(filter.has(idOf(2))).toBeUndefined()
  expect(filter.has(idOf(4999))).toBe(true)
  await filter.load()
  expect(filter.has(idOf(4999))).toBeUndefined()
})

test('a build from before the store was read anew counts no more, and closing ends it', async () => {
  const filter = await open(await storeOf(...ids(0, 3000)))
  for (const id of ids(5000, 5600)) filter.mayHave(id)
  await filter.load()
  await settle()
  expect(filter.isComplete).toBe(false)
  for (const id of ids(5000, 5600)) filter.mayHave(id)
  await filter.close()
  expect(filter.isComplete).toBe(false)
})
