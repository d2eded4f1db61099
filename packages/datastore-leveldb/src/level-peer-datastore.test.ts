import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { Key, type Pair } from 'interface-datastore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  fromGoOptions,
  LevelPeerDatastore,
  MAX_PAGE_ITEMS,
  repairFolder,
  type LevelPeerDatastoreInit
} from './index.ts'

let root: string
let folder: string
const opened: LevelPeerDatastore[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'datastore-leveldb-'))
  folder = join(root, 'leveldb')
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  await rm(root, { recursive: true, force: true })
})

async function open(init?: LevelPeerDatastoreInit): Promise<LevelPeerDatastore> {
  const store = await LevelPeerDatastore.open(folder, init)
  opened.push(store)
  return store
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...page)
  return items
}
const texts = (pairs: readonly Pair[]): string[] => pairs.map(({ key }) => key.toString())
async function collect<T>(source: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

describe('single values', () => {
  test('put, get, has, delete', async () => {
    const store = await open()
    await store.put(new Key('/a'), bytes('1'))
    await store.put(new Key('/empty'), new Uint8Array())
    expect(await store.get(new Key('/a'))).toEqual(bytes('1'))
    expect(await store.get(new Key('/empty'))).toEqual(new Uint8Array())
    expect(await store.has(new Key('/empty'))).toBe(true)
    await store.delete(new Key('/a'))
    expect(await store.has(new Key('/a'))).toBe(false)
    await expect(store.get(new Key('/a'))).rejects.toMatchObject({ name: 'NotFoundError', code: 'ERR_NOT_FOUND' })
  })

  test('values are plain bytes, not Buffers', async () => {
    const store = await open()
    await store.put(new Key('/a'), bytes('1'))
    expect(Buffer.isBuffer(await store.get(new Key('/a')))).toBe(false)
  })

  test('readMany and getMany over more keys than one chunk', async () => {
    const store = await open()
    const keys = Array.from({ length: 1300 }, (_, index) => new Key(`/k/${index}`))
    await store.commit(
      keys.map((key) => ({ put: { key, value: bytes(key.toString()) } })),
      { durable: false }
    )
    expect((await collect(store.getMany(keys))).map(({ value }) => new TextDecoder().decode(value))).toEqual(
      keys.map((key) => key.toString())
    )
    expect(await store.readMany([new Key('/k/7'), new Key('/none')])).toEqual([bytes('/k/7'), undefined])
    await expect(collect(store.getMany([new Key('/none')]))).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  })
})

describe('commit', () => {
  test('applies puts and deletes in order', async () => {
    const store = await open()
    const key = new Key('/a')
    await store.commit([{ put: { key, value: bytes('1') } }, { delete: key }], { durable: true })
    expect(await store.has(key)).toBe(false)
    await store.commit([{ delete: key }, { put: { key, value: bytes('2') } }], { durable: true })
    expect(await store.get(key)).toEqual(bytes('2'))
  })

  test('survives closing and opening again', async () => {
    const store = await open()
    await store.commit([{ put: { key: new Key('/a'), value: bytes('1') } }], { durable: true })
    await store.close()
    expect(await (await open({ createIfMissing: false })).get(new Key('/a'))).toEqual(bytes('1'))
  })

  test('close waits for what was committed', async () => {
    const store = await open()
    const commits = Array.from({ length: 50 }, (_, index) =>
      store.commit([{ put: { key: new Key(`/${index}`), value: bytes('x') } }], { durable: true })
    )
    await store.close()
    await Promise.all(commits)
    expect(await collect((await open()).queryKeys({}))).toHaveLength(50)
  })

  test('an aborted signal stops the call before it writes', async () => {
    const store = await open()
    await expect(
      store.commit([{ put: { key: new Key('/a'), value: bytes('1') } }], { durable: true, signal: AbortSignal.abort() })
    ).rejects.toThrow('aborted')
    expect(await store.has(new Key('/a'))).toBe(false)
  })

  test('batch() of interface-datastore is atomic and can be used again', async () => {
    const store = await open()
    const batch = store.batch()
    batch.put(new Key('/a'), bytes('1'))
    batch.delete(new Key('/a'))
    batch.put(new Key('/b'), bytes('2'))
    await batch.commit()
    await batch.commit()
    expect((await collect(store.queryKeys({}))).map(String)).toEqual(['/b'])
  })
})

describe('scan and query', () => {
  async function filled(count: number): Promise<LevelPeerDatastore> {
    const store = await open()
    await store.commit(
      Array.from({ length: count }, (_, index) => ({
        put: { key: new Key(`/n/${String(index).padStart(6, '0')}`), value: bytes(String(index)) }
      })),
      { durable: false }
    )
    return store
  }

  test('pages of one snapshot in key order', async () => {
    const store = await filled(2500)
    const pages: number[] = []
    const keys: string[] = []
    for await (const page of store.scan({ gte: new Key('/n'), lt: new Key('/o') })) {
      if (pages.length === 0) {
        await store.put(new Key('/n/002499x'), bytes('late'))
        await store.delete(new Key('/n/002400'))
      }
      pages.push(page.length)
      keys.push(...texts(page))
    }
    expect(pages).toEqual([MAX_PAGE_ITEMS, MAX_PAGE_ITEMS, 2500 - 2 * MAX_PAGE_ITEMS])
    expect(keys).toEqual([...keys].sort())
    expect(keys).toContain('/n/002400')
    expect(keys).not.toContain('/n/002499x')
  })

  test('bounds, limit and breaking off', async () => {
    const store = await filled(10)
    const range = { gte: new Key('/n/000002'), lt: new Key('/n/000006') }
    expect(texts(await all(store.scan(range)))).toEqual(['/n/000002', '/n/000003', '/n/000004', '/n/000005'])
    expect(texts(await all(store.scan({ ...range, limit: 2 })))).toEqual(['/n/000002', '/n/000003'])
    expect(await all(store.scan({ ...range, limit: 0 }))).toEqual([])
    for await (const page of store.scan(range)) {
      expect(page).toHaveLength(4)
      break
    }
    await store.close() // would hang or throw if the iterator were open
  })

  test('an abort ends a scan', async () => {
    const store = await filled(3000)
    const controller = new AbortController()
    const scanning = (async () => {
      for await (const page of store.scan({ gte: new Key('/n'), lt: new Key('/o') }, { signal: controller.signal })) {
        expect(page.length).toBeGreaterThan(0)
        controller.abort()
      }
    })()
    await expect(scanning).rejects.toThrow('aborted')
  })

  test('query takes prefix, filters, offset and limit, also with letters beyond Latin-1', async () => {
    const store = await open()
    for (const key of ['/a/1', '/a/2', '/a/\u4e16', '/a/\u{1F600}', '/b']) await store.put(new Key(key), bytes(key))
    expect(texts(await collect(store.query({ prefix: '/a/' })))).toEqual(['/a/1', '/a/2', '/a/\u4e16', '/a/\u{1F600}'])
    expect(texts(await collect(store.query({ offset: 1, limit: 2 })))).toEqual(['/a/2', '/a/\u4e16'])
    expect(texts(await collect(store.query({ filters: [({ value }) => value.length === 2] })))).toEqual(['/b'])
  })
})

describe('opening', () => {
  test('a new folder belongs to its owner only', async () => {
    await open()
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  test('a folder that is open already is locked', async () => {
    await open()
    await expect(LevelPeerDatastore.open(folder)).rejects.toMatchObject({ code: 'ERR_DATASTORE_LOCKED' })
  })

  test('a damaged folder is corrupt, and repair brings the data back', async () => {
    const store = await open()
    await store.put(new Key('/a'), bytes('1'))
    await store.close()
    await writeFile(join(folder, 'CURRENT'), 'garbage')
    await expect(LevelPeerDatastore.open(folder)).rejects.toMatchObject({ code: 'ERR_DATASTORE_CORRUPT' })
    await rm(join(folder, 'CURRENT'))
    await repairFolder(folder)
    expect(await (await open()).get(new Key('/a'))).toEqual(bytes('1'))
  })

  test('tables without CURRENT are corrupt, not overwritten', async () => {
    const level = new ClassicLevel(folder)
    await level.put('/a', '1')
    await level.compactRange('/', '0')
    await level.close()
    await rm(join(folder, 'CURRENT'))
    const before = await readdir(folder)
    await expect(LevelPeerDatastore.open(folder)).rejects.toMatchObject({ code: 'ERR_DATASTORE_CORRUPT' })
    expect(await readdir(folder)).toEqual(before)
  })

  test('a missing folder when none may be created', async () => {
    await expect(LevelPeerDatastore.open(folder, { createIfMissing: false })).rejects.toMatchObject({
      code: 'ERR_DATASTORE_MISSING'
    })
  })

  test("another engine's folder is refused and left alone", async () => {
    await writeFile(join(root, 'KEYREGISTRY'), '')
    await expect(LevelPeerDatastore.open(root)).rejects.toMatchObject({ code: 'ERR_DATASTORE_FOREIGN' })
    expect(await readdir(root)).toEqual(['KEYREGISTRY'])
  })

  test('a file in the way', async () => {
    await writeFile(folder, '')
    await expect(LevelPeerDatastore.open(folder)).rejects.toMatchObject({ code: 'ERR_DATASTORE_OPEN' })
  })

  test('use after close', async () => {
    const store = await open()
    await store.close()
    await store.close()
    await expect(store.put(new Key('/a'), bytes(''))).rejects.toMatchObject({ code: 'ERR_DATASTORE_CLOSED' })
    await expect(store.get(new Key('/a'))).rejects.toMatchObject({ code: 'ERR_DATASTORE_CLOSED' })
  })
})

describe('options of the Go peer', () => {
  test('zero is the default', () => {
    expect(fromGoOptions({ block_size: 0, compression: 0, no_sync: false, write_buffer: 0 })).toEqual({})
  })
  test('each with its counterpart', () => {
    expect(
      fromGoOptions({
        block_cache_capacity: 1,
        block_restart_interval: 2,
        block_size: 3,
        compaction_table_size: 4,
        compression: 1,
        no_sync: true,
        open_files_cache_capacity: 5,
        write_buffer: 6
      })
    ).toEqual({
      sync: false,
      compression: false,
      cacheSize: 1,
      blockRestartInterval: 2,
      blockSize: 3,
      maxFileSize: 4,
      maxOpenFiles: 5,
      writeBufferSize: 6
    })
  })
})
