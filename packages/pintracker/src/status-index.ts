import { pinsetKey, toClusterError, type DatastoreOperation, type Pages, type PeerDatastore } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { decodeRecord, encodeRecord, type IndexRecord } from './index-record.ts'

/** An entry of the index with its place in pinset order. */
export interface IndexEntry {
  readonly key: string
  readonly record: IndexRecord
}

/** Records that wait to be written before whoever adds more must wait. */
const MAX_UNWRITTEN = 65_536

/** Reads that are open at once. */
const CONCURRENT_READS = 256

const RECORDS = '/r/'
/** Above all keys below `/r/`. */
const END = new Key('/r0', false)

/**
 * What this peer knows of each CID it has to do with, in pinset order, on disk. Writes are gathered and written behind;
 * reads see them at once. That something is about to be pinned is made durable, else a pin could outlive what the
 * index knows of it and never be unpinned; the rest is found again by comparing with the pinset.
 */
export class StatusIndex {
  readonly #store: PeerDatastore
  readonly #onFailure: (error: unknown) => void
  /** Not yet on disk; `undefined` is a removal. */
  readonly #unwritten = new Map<string, IndexRecord | undefined>()
  #writing: Promise<void> | undefined

  /** @param onFailure - told when a write behind fails; what was not written stays readable, and is tried again later */
  constructor(store: PeerDatastore, onFailure: (error: unknown) => void) {
    this.#store = store
    this.#onFailure = onFailure
  }

  async get(key: string, options: AbortOptions): Promise<IndexRecord | undefined> {
    if (this.#unwritten.has(key)) return this.#unwritten.get(key)
    try {
      const bytes = await this.#store.get(new Key(RECORDS + key, false), options)
      // it may have changed meanwhile
      return this.#unwritten.has(key) ? this.#unwritten.get(key) : decodeRecord(bytes)
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundError') return this.#unwritten.get(key)
      throw toClusterError(error, 'STORAGE')
    }
  }

  /** The entries of a page of keys. */
  async getMany(keys: readonly string[], options: AbortOptions): Promise<(IndexRecord | undefined)[]> {
    const records: (IndexRecord | undefined)[] = []
    for (let at = 0; at < keys.length; at += CONCURRENT_READS) {
      const some = keys.slice(at, at + CONCURRENT_READS)
      records.push(...(await Promise.all(some.map((key) => this.get(key, options)))))
    }
    return records
  }

  /** Whether so much waits to be written that {@link flush} should be waited for. */
  get isBehind(): boolean {
    return this.#unwritten.size > MAX_UNWRITTEN
  }

  set(key: string, record: IndexRecord | undefined): void {
    this.#unwritten.set(key, record)
    if (this.#writing !== undefined) return
    // after the current work, so that what belongs together is written together
    this.#writing = Promise.resolve().then(() => this.#write())
    this.#writing.catch(this.#onFailure)
  }

  /**
   * Waits until all is written that was set before.
   *
   * @throws {ClusterError} `STORAGE`
   */
  async flush(): Promise<void> {
    while (this.#unwritten.size > 0) {
      this.#writing ??= this.#write()
      await this.#writing
    }
  }

  /**
   * The entries after a place, in pinset order. What is not yet written may be missing: flush before. What changes while
   * it is read may show its older state: before acting on an entry, get it again.
   */
  async *scan(after: string | undefined, options: AbortOptions): Pages<IndexEntry> {
    // '!' is below every character of a key: the range begins behind the key itself
    const gte = new Key(after === undefined ? RECORDS : `${RECORDS}${after}!`, false)
    for await (const page of this.#store.scan({ gte, lt: END }, options)) {
      const entries: IndexEntry[] = []
      for (const pair of page) {
        const key = pair.key.toString().slice(RECORDS.length)
        const record = this.#unwritten.has(key) ? this.#unwritten.get(key) : decodeRecord(pair.value)
        if (record !== undefined) entries.push({ key, record })
      }
      if (entries.length > 0) yield entries
    }
  }

  async #write(): Promise<void> {
    try {
      const batch = [...this.#unwritten]
      const operations = batch.map(([key, record]): DatastoreOperation => {
        const where = new Key(RECORDS + key, false)
        return record === undefined ? { delete: where } : { put: { key: where, value: encodeRecord(record) } }
      })
      await this.#store.commit(operations, { durable: batch.some(([, record]) => isToPin(record)) })
      for (const [key, record] of batch) if (this.#unwritten.get(key) === record) this.#unwritten.delete(key)
    } catch (error) {
      throw toClusterError(error, 'STORAGE')
    } finally {
      this.#writing = undefined
    }
    // what came meanwhile
    if (this.#unwritten.size > 0) {
      this.#writing ??= this.#write()
      await this.#writing
    }
  }
}

function isToPin(record: IndexRecord | undefined): boolean {
  return record?.state === 'pin' && record.error === ''
}

/** The CID at a place in pinset order. */
export function cidOfKey(key: string): CID {
  const cid = CID.decode(base32upper.baseDecode(key))
  if (pinsetKey(cid) !== key) throw new Error(`not a key of the pinset: ${key}`)
  return cid
}
