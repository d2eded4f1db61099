import type { StableState } from '../core/output.ts'
import type { LogEntry } from '../entry.ts'
import { RaftError } from '../errors.ts'
import type { RaftLog, TermRun } from '../ports.ts'
import { openEntry } from '../wire/entry.ts'
import { decodeStable, encodeStable, NO_STABLE_STATE } from './stable.ts'
import { TermRuns } from './term-runs.ts'

/** A change of a {@link LevelStore}. */
export type LevelChange =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** What is needed of an ordered key-value store: a `ClassicLevel` with `view` encodings is one. */
export interface LevelStore {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** All or nothing; with `sync` on the disk when it resolves. */
  batch(changes: LevelChange[], options: { readonly sync: boolean }): Promise<void>
  iterator(range: { readonly gte: Uint8Array; readonly lte: Uint8Array }): AsyncIterable<[Uint8Array, Uint8Array]>
  close(): Promise<void>
}

/** Before the keys of entries and of everything else: entries come last. */
const META = 0
const ENTRY = 1
const STABLE_KEY = Uint8Array.of(META, 1)
const FIRST_KEY = Uint8Array.of(META, 2)

/**
 * A log in LevelDB: simple, and slower than {@link import('./segment-log.ts').SegmentLog}, since all is written twice.
 *
 * @see wire-raft.md §6.3
 */
export class LevelLog implements RaftLog {
  readonly #store: LevelStore
  readonly #terms: TermRuns
  #first: number
  #last: number
  #stable: StableState
  #failure: Error | undefined

  private constructor(store: LevelStore, first: number, last: number, terms: TermRuns, stable: StableState) {
    this.#store = store
    this.#first = first
    this.#last = last
    this.#terms = terms
    this.#stable = stable
  }

  /**
   * @param store - open; closed by {@link LevelLog.close}
   * @throws RaftError `RAFT_CORRUPT`
   */
  static async open(store: LevelStore): Promise<LevelLog> {
    const stable = await store.get(STABLE_KEY)
    const marked = await store.get(FIRST_KEY)
    const first = marked === undefined ? 1 : indexOf(marked, 0)
    const terms = new TermRuns()
    let last = first - 1
    for await (const [key, value] of store.iterator({ gte: keyOf(0), lte: keyOf(Number.MAX_SAFE_INTEGER) })) {
      const index = indexOf(key, 1)
      // a removal of the oldest that a crash cut short
      if (index < first) continue
      if (index !== last + 1) throw new RaftError('RAFT_CORRUPT', `entry ${index} follows entry ${last}`)
      terms.append(index, checked(value, index).term)
      last = index
    }
    return new LevelLog(store, first, last, terms, stable === undefined ? NO_STABLE_STATE : decodeStable(stable))
  }

  get firstIndex(): number {
    return this.#first
  }

  get lastIndex(): number {
    return this.#last
  }

  termAt(index: number): number | undefined {
    return index < this.#first || index > this.#last ? undefined : this.#terms.at(index)
  }

  terms(): readonly TermRun[] {
    return [...this.#terms.runs]
  }

  getStable(): StableState {
    return this.#stable
  }

  async read(from: number, to: number, maxBytes: number): Promise<LogEntry[] | undefined> {
    if (from < this.#first || from > this.#last) return undefined
    const entries: LogEntry[] = []
    let bytes = 0
    let next = from
    for await (const [key, value] of this.#store.iterator({ gte: keyOf(from), lte: keyOf(Math.min(to, this.#last)) })) {
      bytes += value.length
      if (entries.length > 0 && bytes > maxBytes) break
      const index = indexOf(key, 1)
      if (index !== next) throw new RaftError('RAFT_CORRUPT', `entry ${next} is missing`)
      entries.push(checked(new Uint8Array(value), index))
      next++
    }
    return entries.length === 0 ? undefined : entries
  }

  append(entries: readonly LogEntry[], truncateFrom?: number): Promise<void> {
    return this.#guard(async () => {
      const next = truncateFrom ?? this.#last + 1
      if (entries.length > 0 && entries[0]?.index !== next) {
        throw new RangeError(`entry ${entries[0]?.index ?? 0} cannot follow ${next - 1}`)
      }
      const changes: LevelChange[] = []
      for (let index = next; index <= this.#last; index++) changes.push({ type: 'del', key: keyOf(index) })
      for (const { index, encoded } of entries) changes.push({ type: 'put', key: keyOf(index), value: encoded })
      await this.#store.batch(changes, { sync: true })
      this.#last = next - 1 + entries.length
      if (truncateFrom !== undefined) this.#terms.truncateFrom(truncateFrom)
      for (const { index, term } of entries) this.#terms.append(index, term)
    })
  }

  truncateHead(upTo: number): Promise<void> {
    return this.#guard(async () => {
      const first = Math.min(upTo, this.#last) + 1
      if (first <= this.#first) return
      const changes: LevelChange[] = [{ type: 'put', key: FIRST_KEY, value: keyOf(first).subarray(1) }]
      for (let index = this.#first; index < first; index++) changes.push({ type: 'del', key: keyOf(index) })
      await this.#store.batch(changes, { sync: false })
      this.#first = first
      this.#terms.truncateHead(first, this.#last)
    })
  }

  reset(nextIndex: number): Promise<void> {
    return this.#guard(async () => {
      const changes: LevelChange[] = [{ type: 'put', key: FIRST_KEY, value: keyOf(nextIndex).subarray(1) }]
      for (let index = this.#first; index <= this.#last; index++) changes.push({ type: 'del', key: keyOf(index) })
      await this.#store.batch(changes, { sync: true })
      this.#first = nextIndex
      this.#last = nextIndex - 1
      this.#terms.clear()
    })
  }

  setStable(state: StableState): Promise<void> {
    return this.#guard(async () => {
      await this.#store.batch([{ type: 'put', key: STABLE_KEY, value: encodeStable(state) }], { sync: true })
      this.#stable = state
    })
  }

  async close(): Promise<void> {
    this.#failure ??= new RaftError('RAFT_STOPPED', 'the log is closed')
    await this.#store.close()
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) {
      throw new RaftError('RAFT_STORAGE_FAILED', 'the log failed before', { cause: this.#failure })
    }
    try {
      await work()
    } catch (error) {
      if (error instanceof RangeError) throw error
      this.#failure = error instanceof Error ? error : new Error(String(error))
      throw new RaftError('RAFT_STORAGE_FAILED', `the log cannot be written: ${this.#failure.message}`, {
        cause: error
      })
    }
  }
}

function keyOf(index: number): Uint8Array {
  const key = new Uint8Array(9)
  key[0] = ENTRY
  new DataView(key.buffer).setBigUint64(1, BigInt(index))
  return key
}

function indexOf(key: Uint8Array, at: number): number {
  return Number(new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(at))
}

function checked(value: Uint8Array, index: number): LogEntry {
  try {
    const entry = openEntry(value)
    if (entry.index === index) return entry
  } catch (error) {
    throw new RaftError('RAFT_CORRUPT', `entry ${index} cannot be read`, { cause: error })
  }
  throw new RaftError('RAFT_CORRUPT', `another entry stands where ${index} should`)
}
