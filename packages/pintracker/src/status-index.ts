import { pinsetKey, toClusterError, type DatastoreOperation, type Pages, type PeerDatastore } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { ChangedKeys } from './changed-keys.ts'
import { decodeRecord, encodeRecord, type IndexRecord } from './index-record.ts'

/** An entry of the index with its place in pinset order. */
export interface IndexEntry {
  readonly key: string
  readonly record: IndexRecord
}

/** Records that wait to be written before whoever adds more must wait. */
const MAX_UNWRITTEN = 16_384
/** Most records of one commit, so that other work comes in between. */
const MAX_COMMIT = 2048

/** Reads that are open at once where the datastore cannot read some keys in one go. */
const CONCURRENT_READS = 256

const RECORDS = '/r/'
/** Marks of what is still to be done. */
const TO_DO = '/o/'
/** Marks of what failed or was lost. */
const FAILED = '/e/'
type Mark = typeof TO_DO | typeof FAILED
const EMPTY = new Uint8Array()
/** Above all keys below a prefix. */
const ENDS = {
  [RECORDS]: new Key('/r0', false),
  [TO_DO]: new Key('/o0', false),
  [FAILED]: new Key('/e0', false)
} as const

/**
 * What this peer knows of each CID it has to do with, in pinset order, on disk. Writes are gathered and written behind;
 * reads see them at once. What is about to happen at IPFS is made durable first, else a pin could outlive what the index
 * knows of it and never be unpinned, or the index take for pinned what is not; the rest is found again by comparing with
 * the pinset.
 *
 * Below `/r/` lies each record. Below `/o/` lies a mark for what is still to be done, below `/e/` for what failed or was
 * lost, written and removed in the same commits: a listing of ten million pins for its ten errors reads the ten. They
 * are apart because a LevelDB walks over what was removed until it is compacted, and what is to be done comes and goes
 * by the million. After a power cut a mark may be left over, because the removal was lost and a later commit was not: it
 * goes when it is met. None can be missing, as each commit that needs one writes it.
 */
export class StatusIndex {
  readonly #store: PeerDatastore
  readonly #onFailure: (error: unknown) => void
  /** Not yet on disk; `undefined` is a removal. */
  readonly #unwritten = new Map<string, IndexRecord | undefined>()
  /** Where marks were met that do not belong there. */
  readonly #leftovers = new Set<string>()
  readonly #watches = new Set<ChangedKeys>()
  #pass: Promise<void> | undefined

  /** @param onFailure - told when a write behind fails; what was not written stays readable, and is tried again later */
  constructor(store: PeerDatastore, onFailure: (error: unknown) => void) {
    this.#store = store
    this.#onFailure = onFailure
  }

  async get(key: string, options: AbortOptions): Promise<IndexRecord | undefined> {
    if (this.#unwritten.has(key)) return this.#unwritten.get(key)
    try {
      const record = await readRecord(this.#store, new Key(RECORDS + key, false), options)
      // it may have changed meanwhile
      return this.#unwritten.has(key) ? this.#unwritten.get(key) : record
    } catch (error) {
      throw toClusterError(error, 'STORAGE')
    }
  }

  /** The entries of a page of keys. */
  async getMany(keys: readonly string[], options: AbortOptions): Promise<(IndexRecord | undefined)[]> {
    try {
      const found = await this.#read(keys, options)
      return keys.map((key, at) => (this.#unwritten.has(key) ? this.#unwritten.get(key) : found[at]))
    } catch (error) {
      options.signal?.throwIfAborted()
      throw toClusterError(error, 'STORAGE')
    }
  }

  /** Whether so much waits to be written that {@link flush} should be waited for. */
  get isBehind(): boolean {
    return this.#unwritten.size > MAX_UNWRITTEN
  }

  /** Notes what changes, until `end()`. */
  watchChanges(): ChangedKeys {
    const changed = new ChangedKeys(() => {
      this.#watches.delete(changed)
    })
    this.#watches.add(changed)
    return changed
  }

  set(key: string, record: IndexRecord | undefined): void {
    for (const changed of this.#watches) changed.note(key)
    this.correct(key, record)
  }

  /** Sets a record that says better what was so before: not a change for those who watch. */
  correct(key: string, record: IndexRecord | undefined): void {
    this.#unwritten.set(key, record)
    void this.#write()
  }

  /**
   * Waits until all is written that was set before.
   *
   * @throws {ClusterError} `STORAGE`
   */
  async flush(): Promise<void> {
    // the pass under way may have begun before the last record came
    if (this.#unwritten.size > 0) await this.#write()
    if (this.#unwritten.size > 0) await this.#write()
  }

  /**
   * Waits until what was set for a CID is written.
   *
   * @throws {ClusterError} `STORAGE`
   */
  async written(key: string): Promise<void> {
    while (this.#unwritten.has(key)) await this.#write()
  }

  /**
   * The entries after a place, in pinset order. What is not yet written may be missing: flush before. What changes while
   * it is read may show its older state: before acting on an entry, get it again.
   */
  async *scan(after: string | undefined, options: AbortOptions): Pages<IndexEntry> {
    for await (const page of this.#store.scan(rangeOf(RECORDS, after), options)) {
      const entries: IndexEntry[] = []
      for (const pair of page) {
        const key = pair.key.toString().slice(RECORDS.length)
        const record = this.#unwritten.has(key) ? this.#unwritten.get(key) : decodeRecord(pair.value)
        if (record !== undefined) entries.push({ key, record })
      }
      if (entries.length > 0) yield entries
    }
  }

  /** Like {@link scan}, of what is still to be done. */
  scanToDo(after: string | undefined, options: AbortOptions): Pages<IndexEntry> {
    return this.#scanMarks(TO_DO, after, options)
  }

  /** Like {@link scan}, of what failed or was lost. */
  scanFailed(after: string | undefined, options: AbortOptions): Pages<IndexEntry> {
    return this.#scanMarks(FAILED, after, options)
  }

  async *#scanMarks(place: Mark, after: string | undefined, options: AbortOptions): Pages<IndexEntry> {
    for await (const page of this.#store.scan(rangeOf(place, after), options)) {
      const keys = page.map(({ key }) => key.toString().slice(place.length))
      const records = await this.getMany(keys, options)
      const entries: IndexEntry[] = []
      for (const [at, key] of keys.entries()) {
        const record = records[at]
        if (placeOf(record) !== place) this.#leftovers.add(place + key)
        if (record !== undefined && record.state !== 'pinned') entries.push({ key, record })
      }
      if (this.#leftovers.size > 0) void this.#write()
      if (entries.length > 0) yield entries
    }
  }

  /** What is written of some keys. */
  async #read(keys: readonly string[], options: AbortOptions): Promise<(IndexRecord | undefined)[]> {
    const store = this.#store
    const where = keys.map((key) => new Key(RECORDS + key, false))
    if (store.readMany !== undefined) {
      const found = await store.readMany(where, options)
      return found.map((bytes) => (bytes === undefined ? undefined : decodeRecord(bytes)))
    }
    const records: (IndexRecord | undefined)[] = []
    for (let at = 0; at < where.length; at += CONCURRENT_READS) {
      const some = where.slice(at, at + CONCURRENT_READS)
      records.push(...(await Promise.all(some.map((key) => readRecord(store, key, options)))))
    }
    return records
  }

  /** Runs in turn with the other writes, so that no mark goes that was just set. */
  async #removeLeftovers(): Promise<void> {
    const found = [...this.#leftovers]
    this.#leftovers.clear()
    const records = await this.#read(
      found.map((mark) => mark.slice(TO_DO.length)),
      {}
    )
    const operations = found.flatMap((mark, at): DatastoreOperation[] => {
      return mark.startsWith(placeOf(records[at]) ?? RECORDS) ? [] : [{ delete: new Key(mark, false) }]
    })
    if (operations.length > 0) await this.#store.commit(operations, { durable: false })
  }

  /** A pass over what waits: the one under way, or a new one. */
  #write(): Promise<void> {
    if (this.#pass === undefined) {
      this.#pass = this.#writeAll()
      this.#pass.catch(this.#onFailure)
    }
    return this.#pass
  }

  async #writeAll(): Promise<void> {
    try {
      // after the current work, so that what belongs together is written together
      await Promise.resolve()
      if (this.#leftovers.size > 0) await this.#removeLeftovers()
      const waiting = [...this.#unwritten]
      for (let at = 0; at < waiting.length; at += MAX_COMMIT) {
        const some = waiting.slice(at, at + MAX_COMMIT)
        // what was there tells what must go: removals of what never was would pile up in the datastore
        const former = await this.#read(
          some.map(([key]) => key),
          {}
        )
        const operations = some.flatMap(([key, record], index) => operationsOf(key, former[index], record))
        const durable = some.some(([, record], index) => mustLast(former[index], record))
        await this.#store.commit(operations, { durable })
        for (const [key, record] of some) if (this.#unwritten.get(key) === record) this.#unwritten.delete(key)
      }
    } catch (error) {
      throw toClusterError(error, 'STORAGE')
    } finally {
      this.#pass = undefined
    }
    // what came meanwhile
    if (this.#unwritten.size > 0) void this.#write()
  }
}

function rangeOf(prefix: keyof typeof ENDS, after: string | undefined): { readonly gte: Key; readonly lt: Key } {
  // '!' is below every character of a key: the range begins behind the key itself
  return { gte: new Key(after === undefined ? prefix : `${prefix}${after}!`, false), lt: ENDS[prefix] }
}

async function readRecord(store: PeerDatastore, key: Key, options: AbortOptions): Promise<IndexRecord | undefined> {
  try {
    return decodeRecord(await store.get(key, options))
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFoundError') return undefined
    throw error
  }
}

function operationsOf(
  key: string,
  former: IndexRecord | undefined,
  record: IndexRecord | undefined
): DatastoreOperation[] {
  const where = new Key(RECORDS + key, false)
  const [oldPlace, place] = [placeOf(former), placeOf(record)]
  const operations: DatastoreOperation[] = []
  if (oldPlace !== undefined && oldPlace !== place) operations.push({ delete: new Key(oldPlace + key, false) })
  if (record === undefined) return [...operations, { delete: where }]
  const value = encodeRecord(record)
  if (place !== undefined) operations.push({ put: { key: new Key(place + key, false), value: EMPTY } })
  return [...operations, { put: { key: where, value } }]
}

/** Where the mark of a record lies. */
function placeOf(record: IndexRecord | undefined): Mark | undefined {
  if (record === undefined || record.state === 'pinned') return undefined
  return record.state === 'lost' || record.error !== '' ? FAILED : TO_DO
}

/**
 * Whether a power cut must not take it: what IPFS has or is about to have, which nobody would unpin otherwise, and what
 * it is about to lose, which the index would take for pinned.
 */
function mustLast(former: IndexRecord | undefined, record: IndexRecord | undefined): boolean {
  if (record === undefined || record.error !== '') return false
  if (record.state === 'pin') return true
  return record.state === 'pinned' ? former === undefined : former !== undefined && record.state !== 'lost'
}

/** The CID at a place in pinset order. */
export function cidOfKey(key: string): CID {
  const cid = CID.decode(base32upper.baseDecode(key))
  if (pinsetKey(cid) !== key) throw new Error(`not a key of the pinset: ${key}`)
  return cid
}
