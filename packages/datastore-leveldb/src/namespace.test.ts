import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Key } from 'interface-datastore'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LevelPeerDatastore, type PeerDatastore } from './index.ts'

let root: string
let store: LevelPeerDatastore
let part: PeerDatastore
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'datastore-leveldb-'))
  store = await LevelPeerDatastore.open(join(root, 'leveldb'))
  await store.put(new Key('/c'), Uint8Array.of(1))
  await store.put(new Key('/ca/x'), Uint8Array.of(2))
  part = store.namespace(new Key('/c'))
})
afterEach(async () => {
  await store.close()
  await rm(root, { recursive: true, force: true })
})
async function collect<T>(source: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

test('what is written through a namespace lies below its prefix, and nothing else is seen', async () => {
  await part.put(new Key('/x'), Uint8Array.of(3))
  await part.commit([{ put: { key: new Key('/y'), value: Uint8Array.of(4) } }, { delete: new Key('/none') }], {
    durable: true
  })
  const batch = part.batch()
  batch.put(new Key('/z'), Uint8Array.of(5))
  await batch.commit()
  expect((await collect(store.queryKeys({}))).map(String)).toEqual(['/c', '/c/x', '/c/y', '/c/z', '/ca/x'])
  expect((await collect(part.queryKeys({}))).map(String)).toEqual(['/x', '/y', '/z'])
  expect((await collect(part.query({ prefix: '/y' }))).map(({ key }) => key.toString())).toEqual(['/y'])
  expect(await part.get(new Key('/x'))).toEqual(Uint8Array.of(3))
  expect(await part.readMany([new Key('/y'), new Key('/none')])).toEqual([Uint8Array.of(4), undefined])
  await part.delete(new Key('/x'))
  expect(await part.has(new Key('/x'))).toBe(false)
})

test('scan gives keys without the prefix', async () => {
  for (const key of ['/a', '/b', '/d']) await part.put(new Key(key), Uint8Array.of(0))
  const pages = await collect(part.scan({ gte: new Key('/a'), lt: new Key('/c') }))
  expect(pages.flat().map(({ key }) => key.toString())).toEqual(['/a', '/b'])
})

test('the streaming calls and nested namespaces', async () => {
  const inner = part.namespace(new Key('/deep'))
  const key = new Key('/k')
  expect(await collect(inner.putMany([{ key, value: Uint8Array.of(9) }]))).toEqual([key])
  expect(await store.get(new Key('/c/deep/k'))).toEqual(Uint8Array.of(9))
  expect(await collect(inner.getMany([key]))).toEqual([{ key, value: Uint8Array.of(9) }])
  expect(await collect(inner.deleteMany([key]))).toEqual([key])
  expect(await store.has(new Key('/c/deep/k'))).toBe(false)
})

test('filters and orders of a query see the short keys', async () => {
  for (const key of ['/a', '/b', '/d']) await part.put(new Key(key), Uint8Array.of(0))
  const pairs = await collect(
    part.query({
      filters: [({ key }) => key.toString() !== '/b'],
      orders: [(a, b) => (a.key.toString() < b.key.toString() ? 1 : -1)]
    })
  )
  expect(pairs.map(({ key }) => key.toString())).toEqual(['/d', '/a'])
  const keys = await collect(
    part.queryKeys({
      filters: [(key) => key.toString() !== '/b'],
      orders: [(a, b) => (a.toString() < b.toString() ? 1 : -1)]
    })
  )
  expect(keys.map(String)).toEqual(['/d', '/a'])
})
