import type { DatastoreOperation, PeerDatastore } from '@cluster/api'
import { Key } from 'interface-datastore'
import { decodeSegment, encodeSegment, type SegmentEntry } from './segment.ts'
import { readAll } from './read-all.ts'

/** Most entries of a segment: it is read and written as a whole. */
const MAX_ENTRIES = 128
/** Entries of a segment that is written for the first time: some room for more. */
const FILLED_ENTRIES = 96
/** Segments that are read at a time. */
const READ_AT_ONCE = 16

const SEGMENTS = '/s/'
const COUNTS = '/c/'
/** Before all keys. */
const LOWEST = '!'

/** Keys from one up to, but not including, another. */
export interface KeyRange {
  readonly gte: string
  readonly lt: string
}

/** What changes: a value for a key, or `undefined` to remove it. */
export type SetChanges = ReadonlyMap<string, Buffer | undefined>

/**
 * A sorted set on disk that knows how many keys lie between two. Its entries stand in segments of some hundred; in
 * memory are only the first key and the size of each: some megabytes for ten million entries.
 *
 * Who uses it sees to it that nothing reads while something writes.
 */
export class CountedSet {
  readonly #store: PeerDatastore
  #starts: string[] = [LOWEST]
  #counts: number[] = [0]

  constructor(store: PeerDatastore) {
    this.#store = store
  }

  /** Number of all entries. */
  get size(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0)
  }

  /** Reads what is on disk. */
  async load(signal?: AbortSignal): Promise<void> {
    this.#starts = [LOWEST]
    this.#counts = [0]
    const options = signal === undefined ? {} : { signal }
    const range = { gte: new Key(COUNTS, false), lt: new Key('/c0', false) }
    for await (const page of this.#store.scan(range, options)) {
      for (const { key, value } of page) {
        const start = key.toString().slice(COUNTS.length)
        const count = Number(Buffer.from(value).toString('latin1'))
        if (start === LOWEST) this.#counts[0] = count
        else {
          this.#starts.push(start)
          this.#counts.push(count)
        }
      }
    }
  }

  /** How many keys lie in a range. */
  async count({ gte, lt }: KeyRange): Promise<number> {
    if (gte >= lt) return 0
    const [first, last] = [this.#find(gte), this.#find(lt)]
    if (first === last) return inRange(await this.#read(first), { gte, lt })
    let count = 0
    for (let at = first + 1; at < last; at++) count += this.#counts[at] ?? 0
    const lowEnd = gte <= LOWEST ? (this.#counts[first] ?? 0) : inRange(await this.#read(first), { gte, lt })
    return count + lowEnd + inRange(await this.#read(last), { gte, lt })
  }

  /**
   * The segments that hold keys of a range, in order, as they are on disk. Their first and last may hold others too.
   */
  async *segments({ gte, lt }: KeyRange, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    if (gte >= lt) return
    const last = this.#find(lt)
    let atOnce = 1 // who wants the first page only reads little
    for (let at = this.#find(gte); at <= last;) {
      signal?.throwIfAborted()
      const starts = this.#starts.slice(at, Math.min(at + atOnce, last + 1))
      for (const value of await readAll(this.#store, starts.map(segmentKey))) {
        if (value !== undefined) yield Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      }
      at += starts.length
      atOnce = Math.min(atOnce * 2, READ_AT_ONCE)
    }
  }

  /** The entries of a range in order. */
  async *entries(range: KeyRange, signal?: AbortSignal): AsyncGenerator<SegmentEntry, void, undefined> {
    for await (const segment of this.segments(range, signal)) {
      for (const entry of decodeSegment(segment)) if (entry.key >= range.gte && entry.key < range.lt) yield entry
    }
  }

  /**
   * Changes entries, in memory at once, on disk with the operations that it returns: if these fail, `load` again.
   *
   * @param changes - some hundred at most: their segments are in memory together
   */
  async apply(changes: SetChanges): Promise<DatastoreOperation[]> {
    const bySegment = new Map<string, Map<string, Buffer | undefined>>()
    for (const [key, value] of changes) {
      const start = this.#starts[this.#find(key)] ?? LOWEST
      const some = bySegment.get(start) ?? new Map<string, Buffer | undefined>()
      bySegment.set(start, some.set(key, value))
    }
    const starts = [...bySegment.keys()]
    const values = await readAll(this.#store, starts.map(segmentKey))
    return starts.flatMap((start, index) => {
      const value = values[index]
      const entries = value === undefined ? [] : decodeSegment(value)
      return this.#rewrite(start, merged(entries, bySegment.get(start) ?? new Map<string, Buffer | undefined>()))
    })
  }

  /** Writes entries that come in order behind all that are there; the operations are handed over as they are made. */
  async append(
    entries: AsyncIterable<SegmentEntry>,
    commit: (operations: DatastoreOperation[]) => Promise<void>
  ): Promise<void> {
    let waiting: SegmentEntry[] = []
    const flush = async (): Promise<void> => {
      const [first] = waiting
      if (first === undefined) return
      const isFirst = this.#starts.length === 1 && this.#counts[0] === 0
      const start = isFirst ? LOWEST : first.key
      if (!isFirst) {
        this.#starts.push(start)
        this.#counts.push(0)
      }
      await commit(this.#write(start, waiting))
      waiting = []
    }
    for await (const entry of entries) {
      waiting.push(entry)
      if (waiting.length >= FILLED_ENTRIES) await flush()
    }
    await flush()
  }

  /** The last segment that begins at a key or before. */
  #find(key: string): number {
    let [low, high] = [0, this.#starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#starts[middle] ?? '') <= key) low = middle
      else high = middle - 1
    }
    return low
  }

  async #read(at: number): Promise<SegmentEntry[]> {
    const [value] = await readAll(this.#store, [segmentKey(this.#starts[at] ?? LOWEST)])
    return value === undefined ? [] : decodeSegment(value)
  }

  #rewrite(start: string, entries: readonly SegmentEntry[]): DatastoreOperation[] {
    if (entries.length === 0 && start !== LOWEST) return this.#drop(start)
    if (entries.length <= MAX_ENTRIES) return this.#write(start, entries)
    const parts = Math.ceil(entries.length / FILLED_ENTRIES)
    const size = Math.ceil(entries.length / parts)
    const operations: DatastoreOperation[] = []
    for (let part = 0; part < parts; part++) {
      const some = entries.slice(part * size, (part + 1) * size)
      const partStart = part === 0 ? start : (some[0]?.key ?? start)
      if (part > 0) {
        const at = this.#find(partStart) + 1
        this.#starts.splice(at, 0, partStart)
        this.#counts.splice(at, 0, 0)
      }
      operations.push(...this.#write(partStart, some))
    }
    return operations
  }

  #write(start: string, entries: readonly SegmentEntry[]): DatastoreOperation[] {
    this.#counts[this.#find(start)] = entries.length
    return [
      { put: { key: segmentKey(start), value: encodeSegment(entries) } },
      { put: { key: countKey(start), value: Buffer.from(entries.length.toString(), 'latin1') } }
    ]
  }

  #drop(start: string): DatastoreOperation[] {
    const at = this.#find(start)
    this.#starts.splice(at, 1)
    this.#counts.splice(at, 1)
    return [{ delete: segmentKey(start) }, { delete: countKey(start) }]
  }
}

const segmentKey = (start: string): Key => new Key(SEGMENTS + start, false)
const countKey = (start: string): Key => new Key(COUNTS + start, false)

function inRange(entries: readonly SegmentEntry[], { gte, lt }: KeyRange): number {
  let count = 0
  for (const { key } of entries) if (key >= gte && key < lt) count++
  return count
}

/** Entries with changes, in order. */
function merged(entries: readonly SegmentEntry[], changes: Map<string, Buffer | undefined>): SegmentEntry[] {
  const kept = entries.filter(({ key }) => !changes.has(key))
  for (const [key, value] of changes) if (value !== undefined) kept.push({ key, value })
  return kept.sort((a, b) => (a.key < b.key ? -1 : 1))
}
