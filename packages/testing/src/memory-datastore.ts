import { MAX_PAGE_ITEMS, type DatastoreOperation, type Pages, type PeerDatastore, type ScanRange } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { BaseDatastore } from 'datastore-core'
import { Key, type Batch, type KeyQuery, type Pair, type Query } from 'interface-datastore'
import { SortedEntries } from './sorted-entries.ts'

/** What {@link MemoryDatastore.get} throws for a missing key, named as `interface-store` names it. */
export class MemoryNotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'ERR_NOT_FOUND'
}

/** Called before a write takes effect, with whole keys. What it throws, the write throws, and nothing is written. */
export type CommitHook = (operations: readonly DatastoreOperation[], durable: boolean) => void

class MemoryView extends BaseDatastore implements PeerDatastore {
  readonly #entries: SortedEntries
  readonly #prefix: string
  readonly #onCommit: CommitHook | undefined

  constructor(entries: SortedEntries, prefix: string, onCommit: CommitHook | undefined) {
    super()
    this.#entries = entries
    this.#prefix = prefix
    this.#onCommit = onCommit
  }

  /** Number of pairs in the whole store, also when this is a namespace of it. */
  get size(): number {
    return this.#entries.size
  }

  override put(key: Key, value: Uint8Array, options?: AbortOptions): Key {
    options?.signal?.throwIfAborted()
    this.#write([{ put: { key, value } }], true)
    return key
  }

  /** @throws {MemoryNotFoundError} */
  override get(key: Key, options?: AbortOptions): Uint8Array {
    options?.signal?.throwIfAborted()
    const value = this.#entries.get(this.#prefix + key.toString())
    if (value === undefined) throw new MemoryNotFoundError(`Not found: ${key.toString()}`)
    return value.slice()
  }

  override has(key: Key, options?: AbortOptions): boolean {
    options?.signal?.throwIfAborted()
    return this.#entries.get(this.#prefix + key.toString()) !== undefined
  }

  override delete(key: Key, options?: AbortOptions): void {
    options?.signal?.throwIfAborted()
    this.#write([{ delete: key }], true)
  }

  override batch(): Batch {
    let operations: DatastoreOperation[] = []
    return {
      put: (key, value) => {
        operations.push({ put: { key, value } })
      },
      delete: (key) => {
        operations.push({ delete: key })
      },
      commit: (options) => {
        options?.signal?.throwIfAborted()
        const taken = operations
        operations = []
        this.#write(taken, true)
      }
    }
  }

  async commit(
    operations: readonly DatastoreOperation[],
    options: AbortOptions & { readonly durable: boolean }
  ): Promise<void> {
    options.signal?.throwIfAborted()
    // a real store answers later, never before the caller went on
    await Promise.resolve()
    this.#write(operations, options.durable)
  }

  async readMany(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]> {
    options?.signal?.throwIfAborted()
    await Promise.resolve()
    return keys.map((key) => this.#entries.get(this.#prefix + key.toString())?.slice())
  }

  namespace(prefix: Key): PeerDatastore {
    const below = prefix.toString() === '/' ? '' : prefix.toString()
    return new MemoryView(this.#entries, this.#prefix + below, this.#onCommit)
  }

  async *scan(range: ScanRange, options: AbortOptions = {}): Pages<Pair> {
    options.signal?.throwIfAborted()
    const limit = range.limit ?? Infinity
    if (limit <= 0) return
    const gte = this.#prefix + range.gte.toString()
    const lt = this.#prefix + range.lt.toString()
    const snapshot = this.#entries.range(gte, lt, limit)
    for (let at = 0; at < snapshot.length; at += MAX_PAGE_ITEMS) {
      await Promise.resolve()
      options.signal?.throwIfAborted()
      yield snapshot.slice(at, at + MAX_PAGE_ITEMS).map(([key, value]) => this.#pair(key, value))
    }
  }

  override *_all(query: Query, options?: AbortOptions): Generator<Pair> {
    options?.signal?.throwIfAborted()
    const prefix = this.#prefix + (query.prefix ?? '')
    for (const [key, value] of this.#entries.range(prefix, undefined, Infinity)) {
      if (!key.startsWith(prefix)) return
      yield this.#pair(key, value)
    }
  }

  override *_allKeys(query: KeyQuery, options?: AbortOptions): Generator<Key> {
    const { prefix } = query
    for (const { key } of this._all(prefix === undefined ? {} : { prefix }, options)) yield key
  }

  #pair(key: string, value: Uint8Array): Pair {
    return { key: new Key(key.slice(this.#prefix.length), false), value: value.slice() }
  }

  #write(operations: readonly DatastoreOperation[], durable: boolean): void {
    const whole = operations.map((operation): DatastoreOperation =>
      'put' in operation
        ? { put: { key: this.#whole(operation.put.key), value: operation.put.value.slice() } }
        : { delete: this.#whole(operation.delete) }
    )
    this.#onCommit?.(whole, durable)
    for (const operation of whole) {
      if ('put' in operation) this.#entries.set(operation.put.key.toString(), operation.put.value)
      else this.#entries.delete(operation.delete.toString())
    }
  }

  #whole(key: Key): Key {
    return new Key(this.#prefix + key.toString(), false)
  }
}

/**
 * A {@link PeerDatastore} in memory: keys in byte order, commits all or nothing, scans over one snapshot. Values are
 * copied on the way in and out, as a disk does. A second `new MemoryDatastore` knows nothing of the first; to "restart"
 * a component, hand the same store to its successor.
 *
 * @example
 * ```ts
 * const store = new MemoryDatastore()
 * await store.commit([{ put: { key: new Key('/a'), value: bytes } }], { durable: true })
 * ```
 */
export class MemoryDatastore extends MemoryView {
  /** @param options - `onCommit` lets a test watch the writes or make them fail */
  constructor(options: { readonly onCommit?: CommitHook } = {}) {
    super(new SortedEntries(), '', options.onCommit)
  }
}
