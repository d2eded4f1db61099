import type { AbortOptions } from '@libp2p/interface'
import { Key, type Batch, type KeyQuery, type Pair, type Query } from 'interface-datastore'
import type { DatastoreOperation, PeerDatastore, ScanRange } from './peer-datastore.ts'

/**
 * A part of a {@link PeerDatastore}. Unlike datastore-core's `NamespaceDatastore` a query of it reads the keys below
 * the prefix only, not the whole store.
 */
export class NamespaceDatastore implements PeerDatastore {
  readonly #parent: PeerDatastore
  readonly #prefix: string

  constructor(parent: PeerDatastore, prefix: Key) {
    this.#parent = parent
    this.#prefix = prefix.toString() === '/' ? '' : prefix.toString()
  }

  #down(key: Key): Key {
    return new Key(this.#prefix + key.toString(), false)
  }

  #up(key: Key): Key {
    return new Key(key.toString().slice(this.#prefix.length), false)
  }

  async put(key: Key, value: Uint8Array, options?: AbortOptions): Promise<Key> {
    await this.#parent.put(this.#down(key), value, options)
    return key
  }

  get(key: Key, options?: AbortOptions): Uint8Array | Promise<Uint8Array> {
    return this.#parent.get(this.#down(key), options)
  }

  has(key: Key, options?: AbortOptions): boolean | Promise<boolean> {
    return this.#parent.has(this.#down(key), options)
  }

  delete(key: Key, options?: AbortOptions): void | Promise<void> {
    return this.#parent.delete(this.#down(key), options)
  }

  async *putMany(source: Iterable<Pair> | AsyncIterable<Pair>, options?: AbortOptions): AsyncGenerator<Key> {
    for await (const { key, value } of source) yield await this.put(key, value, options)
  }

  async *getMany(source: Iterable<Key> | AsyncIterable<Key>, options?: AbortOptions): AsyncGenerator<Pair> {
    for await (const key of source) yield { key, value: await this.get(key, options) }
  }

  async *deleteMany(source: Iterable<Key> | AsyncIterable<Key>, options?: AbortOptions): AsyncGenerator<Key> {
    for await (const key of source) {
      await this.delete(key, options)
      yield key
    }
  }

  readMany(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]> {
    return this.#parent.readMany(
      keys.map((key) => this.#down(key)),
      options
    )
  }

  batch(): Batch {
    const batch = this.#parent.batch()
    return {
      put: (key, value) => {
        batch.put(this.#down(key), value)
      },
      delete: (key) => {
        batch.delete(this.#down(key))
      },
      commit: (options) => batch.commit(options)
    }
  }

  commit(operations: readonly DatastoreOperation[], options: AbortOptions & { durable: boolean }): Promise<void> {
    return this.#parent.commit(
      operations.map((operation) =>
        'put' in operation
          ? { put: { key: this.#down(operation.put.key), value: operation.put.value } }
          : { delete: this.#down(operation.delete) }
      ),
      options
    )
  }

  async *query(query: Query, options?: AbortOptions): AsyncGenerator<Pair> {
    const { filters, orders, prefix, ...rest } = query
    const raise = (pair: Pair): Pair => ({ key: this.#up(pair.key), value: pair.value })
    const inner: Query = { ...rest, prefix: this.#prefix + (prefix ?? '/') }
    if (filters !== undefined) inner.filters = filters.map((filter) => (pair: Pair) => filter(raise(pair)))
    if (orders !== undefined) inner.orders = orders.map((order) => (a: Pair, b: Pair) => order(raise(a), raise(b)))
    for await (const pair of this.#parent.query(inner, options)) yield raise(pair)
  }

  async *queryKeys(query: KeyQuery, options?: AbortOptions): AsyncGenerator<Key> {
    const { filters, orders, prefix, ...rest } = query
    const inner: KeyQuery = { ...rest, prefix: this.#prefix + (prefix ?? '/') }
    if (filters !== undefined) inner.filters = filters.map((filter) => (key: Key) => filter(this.#up(key)))
    if (orders !== undefined) inner.orders = orders.map((order) => (a: Key, b: Key) => order(this.#up(a), this.#up(b)))
    for await (const key of this.#parent.queryKeys(inner, options)) yield this.#up(key)
  }

  namespace(prefix: Key): PeerDatastore {
    return new NamespaceDatastore(this.#parent, this.#down(prefix))
  }

  async *scan(range: ScanRange, options?: AbortOptions): AsyncGenerator<readonly Pair[]> {
    const inner: ScanRange = { ...range, gte: this.#down(range.gte), lt: this.#down(range.lt) }
    for await (const page of this.#parent.scan(inner, options)) {
      yield page.map((pair) => ({ key: this.#up(pair.key), value: pair.value }))
    }
  }
}
