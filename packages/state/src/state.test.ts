import { readFileSync } from 'node:fs'
import { MAX_PAGE_ITEMS, pinOf, pinsetKey, type DatastoreOperation, type Pin, type ScanRange } from '@cluster/api'
import { parseJson, pinFromJSON, pinToJSON } from '@cluster/wire'
import type { AbortOptions } from '@libp2p/interface'
import fc from 'fast-check'
import { Key, type Pair } from 'interface-datastore'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { cidFromKey, DatastoreState, marshalState, pinKey, pinToPair, unmarshalState, type PinStore } from './index.ts'
import { MAX_SNAPSHOT_ENTRY_BYTES } from './snapshot.ts'

/** A store in memory with small pages, which counts the scans that are open. */
class MemoryStore implements PinStore {
  readonly entries = new Map<string, Uint8Array>()
  readonly commits: boolean[] = []
  readonly limits: (number | undefined)[] = []
  openScans = 0
  readonly #pageItems: number

  constructor(pageItems = 7) {
    this.#pageItems = pageItems
  }

  get(key: Key): Uint8Array {
    const value = this.entries.get(key.toString())
    if (value === undefined) throw Object.assign(new Error('not there'), { name: 'NotFoundError' })
    return value
  }

  has(key: Key): boolean {
    return this.entries.has(key.toString())
  }

  commit(ops: readonly DatastoreOperation[], options: AbortOptions & { readonly durable: boolean }): Promise<void> {
    for (const op of ops) {
      if ('put' in op) this.entries.set(op.put.key.toString(), op.put.value)
      else this.entries.delete(op.delete.toString())
    }
    this.commits.push(options.durable)
    return Promise.resolve()
  }

  async *scan({ gte, lt, limit }: ScanRange): AsyncGenerator<readonly Pair[]> {
    this.openScans++
    this.limits.push(limit)
    try {
      const keys = [...this.entries.keys()].filter((key) => key >= gte.toString() && key < lt.toString()).sort()
      const found = keys.slice(0, limit).map((key) => ({ key: new Key(key), value: this.get(new Key(key)) }))
      for (let at = 0; at < found.length; at += this.#pageItems) {
        await Promise.resolve()
        yield found.slice(at, at + this.#pageItems)
      }
    } finally {
      this.openScans--
    }
  }

  add(pin: Pin): void {
    const { key, value } = pinToPair(pin)
    this.entries.set(key.toString(), value)
  }
}

function cidOf(n: number, version: 0 | 1 = 1): CID {
  const digest = createDigest(
    0x12,
    Uint8Array.from({ length: 32 }, (_, i) => (i < 2 ? n >> (8 * i) : n * i) & 0xff)
  )
  return version === 0 ? CID.createV0(digest) : CID.createV1(0x70, digest)
}
async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(...page)
  return all
}
function filled(count: number, pageItems?: number): { store: MemoryStore; state: DatastoreState; sorted: Pin[] } {
  const store = new MemoryStore(pageItems)
  // Names as in the state: what an untouched pin reads back as.
  const pins = Array.from({ length: count }, (_, n) => ({ ...pinOf(cidOf(n), { name: n.toString() }), origins: [] }))
  for (const pin of pins) store.add(pin)
  const sorted = pins.toSorted((a, b) => (pinsetKey(a.cid) < pinsetKey(b.cid) ? -1 : 1))
  return { store, state: new DatastoreState(store), sorted }
}
const names = (pins: readonly Pin[]): string[] => pins.map(({ name }) => name)

describe('DatastoreState', () => {
  it('adds, replaces, finds and removes pins', async () => {
    const store = new MemoryStore()
    const state = new DatastoreState(store)
    const pin = { ...pinOf(cidOf(1), { name: 'one' }), origins: [] }
    expect(await state.get(pin.cid)).toBeUndefined()
    expect(await state.has(pin.cid)).toBe(false)
    await state.rm(pin.cid)
    await state.add(pin)
    expect(await state.get(pin.cid)).toEqual(pin)
    expect(await state.has(pin.cid)).toBe(true)
    await state.add({ ...pin, name: 'two' }, { durable: false })
    expect((await state.get(pin.cid))?.name).toBe('two')
    await state.rm(pin.cid)
    expect(await state.get(pin.cid)).toBeUndefined()
    expect(store.commits).toEqual([true, true, false, true])
  })

  it('tells the versions of a CID apart, and takes the CID from the key', async () => {
    const store = new MemoryStore()
    const state = new DatastoreState(store)
    const [v0, v1] = [cidOf(1, 0), cidOf(1, 1)]
    await state.add(pinOf(v0, { name: 'v0' }))
    expect(await state.get(v1)).toBeUndefined()
    store.entries.set(pinKey(v1).toString(), pinToPair(pinOf(v0, { name: 'of another' })).value)
    expect((await state.get(v1))?.cid.toString()).toBe(v1.toString())
    expect((await collect(state.list())).map(({ cid }) => cid.version)).toEqual([1, 0])
  })

  it('passes on other errors of the store, and says what is no pin', async () => {
    const store = new MemoryStore()
    const state = new DatastoreState(store)
    store.entries.set(pinKey(cidOf(1)).toString(), Uint8Array.of(0x0a))
    await expect(state.get(cidOf(1))).rejects.toMatchObject({ name: 'ClusterError', code: 'CORRUPT' })
    store.get = () => {
      throw new Error('disk gone')
    }
    await expect(state.get(cidOf(1))).rejects.toThrow('disk gone')
    expect(() => cidFromKey(new Key('/NOTAPIN'))).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
    expect(() => cidFromKey(new Key(`${pinKey(cidOf(1)).toString()}AA`))).toThrow()
  })

  it('lists in the order of the keys, in pages of at most 1024, from a store with pages of any size', async () => {
    const { state, sorted } = filled(2500, 2000)
    const sizes: number[] = []
    const listed: Pin[] = []
    for await (const page of state.list()) {
      sizes.push(page.length)
      listed.push(...page)
    }
    expect(listed).toEqual(sorted)
    expect(Math.max(...sizes)).toBe(MAX_PAGE_ITEMS)
    expect(Math.min(...sizes)).toBeGreaterThan(0)
  })

  it('lists any part: after a CID, whether it is pinned or not, and at most so many', async () => {
    const { store, state, sorted } = filled(60)
    const some = sorted.map(({ cid }) => cid)
    for (const cid of some.splice(20, 10)) store.entries.delete(pinKey(cid).toString())
    const left = sorted.filter(({ cid }) => some.includes(cid))
    await fc.assert(
      fc.asyncProperty(fc.nat(59), fc.nat(70), async (index, limit) => {
        const after = sorted[index]?.cid ?? cidOf(0)
        const expected = left.filter(({ cid }) => pinsetKey(cid) > pinsetKey(after)).slice(0, limit)
        expect(names(await collect(state.list({ after, limit })))).toEqual(names(expected))
      })
    )
    expect(store.openScans).toBe(0)
    expect(await collect(state.list({ limit: 0 }))).toEqual([])
  })

  it('asks the store for no more than it needs', async () => {
    const { store, state } = filled(60)
    await collect(state.list({ limit: 5 }))
    expect(store.limits).toEqual([6])
  })

  it('logs and leaves out what is no pin, and still lists as many as wanted', async () => {
    const { store, sorted } = filled(30)
    const bad = sorted.slice(3, 20)
    for (const { cid } of bad) store.entries.set(pinKey(cid).toString(), Uint8Array.of(0xff))
    store.entries.set('/BADKEY', new Uint8Array(0))
    const lines: string[] = []
    const log = {
      info: () => undefined,
      error: (_: string, fields?: object) => {
        lines.push((fields as { key: string }).key)
      }
    }
    const state = new DatastoreState(store, { log })
    const good = names(sorted.filter((pin) => !bad.includes(pin)))
    expect(names(await collect(state.list()))).toEqual(good)
    expect(new Set(lines)).toEqual(new Set(['/BADKEY', ...bad.map(({ cid }) => pinKey(cid).toString())]))
    expect(names(await collect(state.list({ limit: 5 })))).toEqual(good.slice(0, 5))
    expect(names(await collect(state.list({ limit: 13 })))).toEqual(good)
  })

  it('frees the scan when a listing is broken off, and says so when it is aborted', async () => {
    const { store, state } = filled(50)
    for await (const page of state.list()) {
      expect(page.length).toBeGreaterThan(0)
      break
    }
    expect(store.openScans).toBe(0)
    const abort = new AbortController()
    const listing = (async () => {
      for await (const page of state.list({ signal: abort.signal }))
        if (page.length > 0) abort.abort(new Error('enough'))
    })()
    await expect(listing).rejects.toMatchObject({ code: 'ABORTED', message: 'full pinset listing aborted: enough' })
    expect(store.openScans).toBe(0)
  })
})

interface StoredPin {
  readonly what: string
  readonly key: string
  readonly protobuf: string
  readonly allocation: object
}
interface Snapshot {
  readonly name: string
  readonly stateBinBase64: string
}
interface Export {
  readonly snapshot?: string
  readonly lines: readonly string[]
}
function load(path: string): unknown {
  return parseJson(readFileSync(new URL(`../../testing/vectors/${path}`, import.meta.url), 'utf8'))
}

describe('the state of Go peers', () => {
  it('reads and writes the same keys and values (crdt/pins.json)', async () => {
    const { pins } = load('crdt/pins.json') as { readonly pins: readonly StoredPin[] }
    expect(pins.length).toBeGreaterThan(0)
    for (const { key, protobuf, allocation, what } of pins) {
      const store = new MemoryStore()
      store.entries.set(key, Buffer.from(protobuf, 'hex'))
      const state = new DatastoreState(store)
      const expected = pinFromJSON(allocation)
      expect(pinToJSON((await state.get(expected.cid)) ?? pinOf(cidOf(0))), what).toBe(pinToJSON(expected))
      await state.add(expected)
      expect([...store.entries].map(([k, v]) => [k, Buffer.from(v).toString('hex')])).toEqual([[key, protobuf]])
    }
  })

  const { snapshots } = load('raft/snapshots.json') as { readonly snapshots: readonly Snapshot[] }
  const { exports } = load('raft/state-exports.json') as { readonly exports: readonly Export[] }

  it.each(exports.filter(({ snapshot }) => snapshot !== undefined))(
    'reads the snapshot $snapshot and lists what Go exports from it (raft/snapshots.json)',
    async ({ snapshot, lines }) => {
      const bytes = Buffer.from(snapshots.find(({ name }) => name === snapshot)?.stateBinBase64 ?? '', 'base64')
      const store = new MemoryStore()
      expect(await unmarshalState(store, chunked(bytes, 1000))).toBe(lines.length)
      const listed = await collect(new DatastoreState(store).list())
      expect(listed.map(pinToJSON).sort()).toEqual(lines.toSorted())
    }
  )

  it.each(snapshots)('writes the records of the snapshot $name as they were', async ({ stateBinBase64 }) => {
    const bytes = Buffer.from(stateBinBase64, 'base64')
    const store = new MemoryStore()
    await unmarshalState(store, chunked(bytes, 65_536))
    const written = Buffer.concat(await Array.fromAsync(marshalState(new DatastoreState(store))))
    // Go writes them in no particular order: the same bytes, sorted.
    expect(written.length).toBe(bytes.length)
    expect(written.toSorted()).toEqual(bytes.toSorted())
    const again = new MemoryStore()
    await unmarshalState(again, chunked(written, 1))
    expect(again.entries).toEqual(store.entries)
  })
})

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve()
    yield bytes.subarray(at, at + size)
  }
}

describe('unmarshalState', () => {
  const entry = (key: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x82, 0xa1, 0x6b, 0xd9, key.length]),
      Buffer.from(key),
      Buffer.from([0xa1, 0x76, 0xc4, value.length / 2]),
      Buffer.from(value, 'hex')
    ])

  it('takes the modern text and bytes, and keeps what is there', async () => {
    const { store } = filled(2)
    expect(await unmarshalState(store, chunked(entry(pinsetKey(cidOf(5)), '3200'), 3))).toBe(1)
    expect(await collect(new DatastoreState(store).list())).toHaveLength(3)
    expect(store.commits).toEqual([true])
  })

  it('writes in batches', async () => {
    const { state } = filled(2500)
    const store = new MemoryStore()
    expect(await unmarshalState(store, marshalState(state))).toBe(2500)
    expect(store.commits).toHaveLength(3)
  })

  it('refuses a stream that ends inside an entry, is no such stream, or has an entry without limit', async () => {
    const good = entry(pinsetKey(cidOf(5)), '3200')
    const huge = Uint8Array.from([0x82, 0xa1, 0x76, 0xdb, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
    expect(MAX_SNAPSHOT_ENTRY_BYTES).toBeLessThan(0x7fffffff)
    for (const [bytes, code] of [
      [good.subarray(0, -1), 'CORRUPT'],
      [entry('NOTAKEY', '3200'), 'CORRUPT'],
      [Uint8Array.of(0x05), 'CORRUPT'],
      [Uint8Array.of(0xc1), 'CORRUPT'],
      [Uint8Array.of(0x80), 'CORRUPT'],
      [huge, 'LIMIT']
    ] as const) {
      await expect(unmarshalState(new MemoryStore(), chunked(bytes, 4))).rejects.toMatchObject({ code })
    }
  })

  it('stops when it is told to', async () => {
    const { state } = filled(10)
    const chunks = marshalState(state)
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(unmarshalState(new MemoryStore(), chunks, { signal })).rejects.toThrow('enough')
  })
})
