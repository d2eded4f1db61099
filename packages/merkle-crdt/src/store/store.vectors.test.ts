import { readFileSync } from 'node:fs'
import { ManualClock, MemoryDatastore, memoryLogger, seededRandom, settle } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { blockIdOf, cidOfBlockId } from '../wire/block-id.ts'
import { DagBlocks, encodeBroadcast, MerkleCrdt, type MerkleCrdtInit } from '../index.ts'

type Entries = Record<string, Record<string, string>>
interface StoreVectors {
  worked_example: { step: string; entries: Entries }[]
  rest_scenario: { entries: Entries }
  repair: { before: Entries }
}
function read(name: string): unknown {
  const file = new URL(`../../../testing/vectors/crdt/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}
const vectors = read('store') as StoreVectors
const blockVectors = (read('blocks') as { blocks: { cid: string; bytes: string }[] }).blocks

/** All entries of a vector as one map. */
function flat(entries: Entries): Map<string, string> {
  return new Map(Object.values(entries).flatMap((part) => Object.entries(part)))
}
/**
 * All entries of a datastore; what we store with elements is left out, the Go peer stores nothing there, and so is the
 * index by height, which it does not have.
 */
async function dump(storage: MemoryDatastore): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { key, value } of storage.query({})) {
    const text = key.toString()
    if (text.startsWith('/c/ts/i/')) continue
    found.set(text, text.startsWith('/c/s/s/') ? '' : Buffer.from(value).toString('hex'))
  }
  return found
}
const sorted = (map: Map<string, string>): [string, string][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

async function open(storage: MemoryDatastore, init: Partial<MerkleCrdtInit> = {}): Promise<MerkleCrdt> {
  return MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks: new DagBlocks(storage, '/c'),
    clock: new ManualClock(),
    random: seededRandom(1),
    log: memoryLogger(),
    repairIntervalMs: 0,
    keepTombstones: true,
    ...init
  })
}
const pairOf = (step: string, name: string): { key: string; value: Uint8Array } => {
  const values = vectors.worked_example.find((example) => example.step === step)?.entries['values'] ?? {}
  const found = Object.entries(values).find(
    ([key, value]) => key.endsWith('/v') && value.includes(Buffer.from(name).toString('hex'))
  )
  if (found === undefined) throw new Error(`${step} has no ${name}`)
  return { key: found[0].slice('/c/s/k'.length, -'/v'.length), value: new Uint8Array(Buffer.from(found[1], 'hex')) }
}
async function* pages<T>(...items: T[]): AsyncGenerator<readonly T[]> {
  for (const item of items) yield await Promise.resolve([item])
}

describe('crdt/store.json: the worked example', () => {
  const hello = pairOf('import of hello', 'hello')
  const dir = pairOf('import of dir', 'dir')
  const entriesOf = (step: string): Map<string, string> =>
    flat(vectors.worked_example.find((example) => example.step === step)?.entries ?? {})

  test.each([
    { step: 'import of hello and dir', pairs: [hello, dir] },
    { step: 'import of dir', pairs: [dir] },
    { step: 'import of hello', pairs: [hello] }
  ])('$step', async ({ step, pairs }) => {
    const storage = new MemoryDatastore()
    const store = await open(storage)
    expect(await store.import(pages(...pairs))).toBe(pairs.length)
    await store.close()
    expect(sorted(await dump(storage))).toEqual(sorted(entriesOf(step)))
  })

  test('a commit makes the same block as an import, and a removal that of the Go peer', async () => {
    const storage = new MemoryDatastore()
    const store = await open(storage)
    await store.commit([{ type: 'put', ...hello }])
    await store.commit([{ type: 'delete', key: hello.key }])
    await store.close()
    expect(sorted(await dump(storage))).toEqual(sorted(entriesOf('after the unpin')))
    const again = await open(storage)
    await again.markDirty()
    await again.close()
    expect(sorted(await dump(storage))).toEqual(sorted(entriesOf('mark-dirty')))
  })
})

describe('crdt/store.json: two Go peers', () => {
  const entries = flat(vectors.rest_scenario.entries)

  test('a replica that hears their heads ends with the same datastore', async () => {
    const storage = new MemoryDatastore()
    const dag = new Map(blockVectors.map(({ cid, bytes }) => [blockIdOf(CID.parse(cid)), Buffer.from(bytes, 'hex')]))
    const blocks = new DagBlocks(storage, '/c')
    const heads = Object.keys(vectors.rest_scenario.entries['heads'] ?? {}).map((key) => cidOfBlockId(key.slice(4)))
    const store = await open(storage, {
      blocks,
      exchange: {
        put: (stored) => blocks.put(stored),
        createSession: () => ({
          close: () => undefined,
          get: async (cid) => {
            const bytes = new Uint8Array(dag.get(blockIdOf(cid)) ?? [])
            await blocks.put([{ cid, bytes }])
            return bytes
          }
        })
      },
      broadcaster: {
        broadcast: () => Promise.resolve(),
        messages: async function* () {
          yield await Promise.resolve(encodeBroadcast(heads.filter((head) => head !== undefined)))
        }
      }
    })
    await settle()
    await store.idle()
    await store.close()
    expect(sorted(await dump(storage))).toEqual(sorted(entries))
  })

  test('a folder of a Go peer opens and goes on: listing, update and removal', async () => {
    const storage = new MemoryDatastore()
    for (const [key, value] of entries) storage.put(new Key(key), new Uint8Array(Buffer.from(value, 'hex')))
    const store = await open(storage)
    const listed: string[] = []
    for await (const page of store.list()) listed.push(...page.map(({ key }) => `/c/s/k${key}/v`))
    expect(listed).toEqual([...entries.keys()].filter((key) => key.endsWith('/v')).sort())
    const key = listed[3]?.slice('/c/s/k'.length, -2) ?? ''
    await store.commit([{ type: 'put', key, value: Uint8Array.of(1, 2, 3) }])
    expect(await store.get(key)).toEqual(Uint8Array.of(1, 2, 3))
    expect((await store.stats()).maxHeight).toBe(44n)
    expect((await store.stats()).heads).toHaveLength(1)
    await store.commit([{ type: 'delete', key }])
    expect(await store.get(key)).toBeUndefined()
    await store.close()
  })
})

describe('crdt/store.json: repair', () => {
  const before = flat(vectors.repair.before)

  test('a gap is closed, and the head keeps its height', async () => {
    const storage = new MemoryDatastore()
    for (const [key, value] of before) storage.put(new Key(key), new Uint8Array(Buffer.from(value, 'hex')))
    // the gap, as the note of the vector says: the block of priority 2 was never merged
    const [id] = [...before].find(([key, value]) => key.endsWith('/p') && value === '03') ?? ['']
    expect(id).not.toBe('')
    const userKey = id.slice('/c/s/k'.length, -'/p'.length)
    const element = [...before.keys()].find((key) => key.startsWith(`/c/s/s${userKey}/`)) ?? ''
    const blockId = element.slice(element.lastIndexOf('/'))
    for (const key of [id, `/c/s/k${userKey}/v`, element, `/c/b${blockId}`]) storage.delete(new Key(key))
    storage.put(new Key('/c/d'), new Uint8Array())

    const store = await open(storage)
    expect(await store.repair()).toBe(true)
    expect((await store.stats()).isDirty).toBe(false)
    await store.close()
    expect(sorted(await dump(storage))).toEqual(sorted(before))
  })
})
