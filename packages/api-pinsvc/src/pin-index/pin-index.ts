import type { DatastoreOperation, Pages, PeerDatastore, Pin } from '@cluster/api'
import { Key } from 'interface-datastore'
import type { ServedPin } from '../served-pin.ts'
import { buildIndex } from './build-index.ts'
import { CountedSet } from './counted-set.ts'
import { decodeRecord, encodeRecord, encodeSearched, nameHash, orderKey } from './index-record.ts'
import { hold } from './indexed-pin.ts'
import { namesOf, type NameCount } from './name-counts.ts'
import { readAll } from './read-all.ts'
import { ReadWriteLock } from './read-write-lock.ts'

/** Changes when what is on disk has another form: then the index is made anew. */
const VERSION = '1'
const VERSION_KEY = new Key('/v')
const CLEAN_KEY = new Key('/clean')
const HOLDERS_KEY = new Key('/h')
/** Most changes of one {@link PinIndex.apply}: their segments are in memory together. */
export const CHANGES_AT_ONCE = 256

/** Pins by their place in pinset order; `undefined` for one that is gone. */
export type PinChanges = ReadonlyMap<string, ServedPin | undefined>

/**
 * The pinset once more, in the order and by the names that the service asks for. It is on disk, can be made anew at any
 * time, and needs some megabytes of memory for ten million pins.
 */
export class PinIndex {
  /** Who reads several things that belong together holds it. */
  readonly lock = new ReadWriteLock()
  readonly order: CountedSet
  readonly #store: PeerDatastore
  #holders = new Map<string, number>()

  constructor(store: PeerDatastore) {
    this.#store = store
    this.order = new CountedSet(store.namespace(new Key('/o')))
  }

  /** The peers that pins are allocated to. */
  get holders(): Iterable<string> {
    return this.#holders.keys()
  }

  /**
   * Reads what is on disk: `none` when there is no index, or one of another form; `stale` when its last use ended
   * without `close`. From then on it counts as in use.
   */
  async open(signal: AbortSignal): Promise<'clean' | 'stale' | 'none'> {
    const [version, clean] = await readAll(this.#store, [VERSION_KEY, CLEAN_KEY])
    if (version === undefined || Buffer.from(version).toString() !== VERSION) return 'none'
    await this.#store.commit([{ delete: CLEAN_KEY }], { durable: true })
    await this.#load(signal)
    return clean === undefined ? 'stale' : 'clean'
  }

  /** Says that the index shows the pinset as it is. */
  async close(): Promise<void> {
    await this.#store.commit([{ put: { key: CLEAN_KEY, value: Buffer.of(1) } }], { durable: true })
  }

  /** Makes the index anew. Nothing else may use it meanwhile. */
  async build(pages: Pages<Pin>, signal: AbortSignal): Promise<void> {
    this.#holders = await buildIndex(this.#store, this.order, pages, signal)
    await this.#store.commit(
      [{ put: this.#holdersPair() }, { put: { key: VERSION_KEY, value: Buffer.from(VERSION) } }],
      { durable: true }
    )
  }

  /** Takes changes up, {@link CHANGES_AT_ONCE} at most. */
  async apply(changes: PinChanges): Promise<void> {
    await this.lock.write(async () => {
      try {
        await this.#apply(changes)
      } catch (error) {
        await this.#load()
        throw error
      }
    })
  }

  /** The records of some pins, in their order. */
  async records(keys: readonly string[]): Promise<readonly (ServedPin | undefined)[]> {
    const values = await readAll(this.#store, keys.map(recordKey))
    return values.map((value, at) => (value === undefined ? undefined : decodeRecord(keys[at] ?? '', value)))
  }

  /** All records as they are on disk, in pinset order. */
  async *recordBytes(signal: AbortSignal): AsyncGenerator<readonly (readonly [key: string, bytes: Uint8Array])[]> {
    const range = { gte: new Key('/k/', false), lt: new Key('/k0', false) }
    for await (const page of this.#store.scan(range, { signal })) {
      yield page.map(({ key, value }) => [key.toString().slice('/k/'.length), value] as const)
    }
  }

  /** How often the names are there that differ from one in letter case only. */
  async namesLike(name: string, signal: AbortSignal): Promise<readonly NameCount[]> {
    return await namesOf(this.#store, name, signal)
  }

  /** The places of the pins of a name, in order, from and up to places among all. */
  async *placesOfName(
    hash: string,
    { gte, lt }: { readonly gte: string; readonly lt: string },
    signal: AbortSignal
  ): AsyncGenerator<readonly string[]> {
    const range = { gte: new Key(`/n/${hash}${gte}`, false), lt: new Key(`/n/${hash}${lt}`, false) }
    const skipped = '/n/'.length + hash.length
    for await (const page of this.#store.scan(range, { signal })) {
      yield page.map(({ key }) => key.toString().slice(skipped))
    }
  }

  async #apply(changes: PinChanges): Promise<void> {
    const keys = [...changes.keys()]
    const values = await readAll(this.#store, keys.map(recordKey))
    const operations = new Map<string, DatastoreOperation>()
    const put = (key: Key, value: Uint8Array): void => void operations.set(key.toString(), { put: { key, value } })
    const drop = (key: Key): void => void operations.set(key.toString(), { delete: key })
    const places = new Map<string, Buffer | undefined>()
    const names = new Map<string, number>()
    const holders = new Map(this.#holders)
    for (const [at, key] of keys.entries()) {
      const bytes = values[at]
      const before = bytes === undefined ? undefined : decodeRecord(key, bytes)
      const after = changes.get(key)
      const encoded = after === undefined ? undefined : encodeRecord(after)
      if (encoded === undefined ? bytes === undefined : bytes !== undefined && encoded.equals(bytes)) continue
      if (before !== undefined) {
        places.set(orderKey(before), undefined)
        if (before.name !== '') drop(nameKey(before))
        count(names, before, -1)
        hold(holders, before, -1)
      }
      if (after === undefined || encoded === undefined) {
        drop(recordKey(key))
        continue
      }
      put(recordKey(key), encoded)
      places.set(orderKey(after), encodeSearched(after))
      if (after.name !== '') put(nameKey(after), new Uint8Array())
      count(names, after, 1)
      hold(holders, after, 1)
    }
    if (operations.size === 0) return
    for (const [hash, value] of await this.#nameCounts(names)) {
      if (value > 0) put(nameCountKey(hash), Buffer.from(value.toString()))
      else drop(nameCountKey(hash))
    }
    this.#holders = holders
    const pair = this.#holdersPair()
    put(pair.key, pair.value)
    const segments = await this.order.apply(places)
    await this.#store.commit([...operations.values(), ...nested(segments)], { durable: false })
  }

  async #nameCounts(changes: ReadonlyMap<string, number>): Promise<[string, number][]> {
    const hashes = [...changes.keys()]
    const values = await readAll(this.#store, hashes.map(nameCountKey))
    return hashes.map((hash, at) => {
      const value = values[at]
      return [hash, (value === undefined ? 0 : Number(Buffer.from(value).toString())) + (changes.get(hash) ?? 0)]
    })
  }

  async #load(signal?: AbortSignal): Promise<void> {
    await this.order.load(signal)
    const [holders] = await readAll(this.#store, [HOLDERS_KEY])
    const json: unknown = holders === undefined ? {} : JSON.parse(Buffer.from(holders).toString())
    this.#holders = new Map(Object.entries(json as Record<string, number>))
  }

  #holdersPair(): { key: Key; value: Uint8Array } {
    return { key: HOLDERS_KEY, value: Buffer.from(JSON.stringify(Object.fromEntries(this.#holders))) }
  }
}

const recordKey = (key: string): Key => new Key(`/k/${key}`, false)
const nameKey = (pin: ServedPin): Key => new Key(`/n/${nameHash(pin.name)}${orderKey(pin)}`, false)
const nameCountKey = (hash: string): Key => new Key(`/m/${hash}`, false)

/** Operations of the part of the store that the order has for itself. */
function nested(operations: readonly DatastoreOperation[]): DatastoreOperation[] {
  const at = (key: Key): Key => new Key(`/o${key.toString()}`, false)
  return operations.map((operation) =>
    'put' in operation ? { put: { ...operation.put, key: at(operation.put.key) } } : { delete: at(operation.delete) }
  )
}

function count(names: Map<string, number>, { name }: ServedPin, by: number): void {
  if (name === '') return
  const hash = nameHash(name)
  names.set(hash, (names.get(hash) ?? 0) + by)
}
