import { MAX_PAGE_ITEMS, type DatastoreOperation, type Pages, type PeerDatastore, type ScanRange } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { BaseDatastore } from 'datastore-core'
import { Key, type Batch, type KeyQuery, type Pair, type Query } from 'interface-datastore'
import { MemoryNotFoundError } from '../memory-datastore.ts'
import type { DiskEntry } from './disk-entries.ts'
import type { DiskChange } from './disk-journal.ts'

/** The disk as its datastore sees it. Texts have one character for each byte of a key. */
export interface DiskAccess {
  /** Reads in its own time; never answers a dead process. */
  read<T>(fn: () => T): Promise<T>
  commit(changes: readonly DiskChange[], durable: boolean): Promise<void>
  get(text: string): Uint8Array | undefined
  range(gte: string, lt: string | undefined, limit: number): DiskEntry[]
}

/** The datastore on a simulated disk, as one process has it. */
export class SimulatedDatastore extends BaseDatastore implements PeerDatastore {
  readonly #disk: DiskAccess
  readonly #prefix: string

  constructor(disk: DiskAccess, prefix = '') {
    super()
    this.#disk = disk
    this.#prefix = prefix
  }

  override async put(key: Key, value: Uint8Array, options?: AbortOptions): Promise<Key> {
    options?.signal?.throwIfAborted()
    await this.#disk.commit([{ text: this.#text(key), value }], true)
    return key
  }

  /** @throws {MemoryNotFoundError} */
  override async get(key: Key, options?: AbortOptions): Promise<Uint8Array> {
    options?.signal?.throwIfAborted()
    const text = this.#text(key)
    const value = await this.#disk.read(() => this.#disk.get(text))
    if (value === undefined) throw new MemoryNotFoundError(`Not found: ${key.toString()}`)
    return value
  }

  override has(key: Key, options?: AbortOptions): Promise<boolean> {
    options?.signal?.throwIfAborted()
    const text = this.#text(key)
    return this.#disk.read(() => this.#disk.get(text) !== undefined)
  }

  readMany(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]> {
    options?.signal?.throwIfAborted()
    const texts = keys.map((key) => this.#text(key))
    return this.#disk.read(() => texts.map((text) => this.#disk.get(text)))
  }

  override async delete(key: Key, options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    await this.#disk.commit([{ text: this.#text(key), value: undefined }], true)
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
      commit: async (options) => {
        const taken = operations
        operations = []
        await this.commit(taken, { ...options, durable: true })
      }
    }
  }

  async commit(
    operations: readonly DatastoreOperation[],
    options: AbortOptions & { readonly durable: boolean }
  ): Promise<void> {
    options.signal?.throwIfAborted()
    const changes = operations.map((operation): DiskChange =>
      'put' in operation
        ? { text: this.#text(operation.put.key), value: operation.put.value }
        : { text: this.#text(operation.delete), value: undefined }
    )
    await this.#disk.commit(changes, options.durable)
  }

  namespace(prefix: Key): PeerDatastore {
    const below = prefix.toString() === '/' ? '' : textOf(prefix)
    return new SimulatedDatastore(this.#disk, this.#prefix + below)
  }

  async *scan(range: ScanRange, options: AbortOptions = {}): Pages<Pair> {
    options.signal?.throwIfAborted()
    const [gte, lt] = [this.#text(range.gte), this.#text(range.lt)]
    const found = await this.#disk.read(() => this.#disk.range(gte, lt, range.limit ?? Infinity))
    for (let at = 0; at < found.length; at += MAX_PAGE_ITEMS) {
      options.signal?.throwIfAborted()
      yield found.slice(at, at + MAX_PAGE_ITEMS).map((entry) => this.#pair(entry))
    }
  }

  override async *_all(query: Query, options?: AbortOptions): AsyncGenerator<Pair> {
    options?.signal?.throwIfAborted()
    const prefix = this.#prefix + latin1(Buffer.from(query.prefix ?? ''))
    for (const entry of await this.#disk.read(() => this.#disk.range(prefix, undefined, Infinity))) {
      if (!entry[0].startsWith(prefix)) return
      yield this.#pair(entry)
    }
  }

  override async *_allKeys(query: KeyQuery, options?: AbortOptions): AsyncGenerator<Key> {
    const { prefix } = query
    for await (const { key } of this._all(prefix === undefined ? {} : { prefix }, options)) yield key
  }

  #pair([text, value]: DiskEntry): Pair {
    return { key: new Key(Buffer.from(text.slice(this.#prefix.length), 'latin1'), false), value }
  }

  #text(key: Key): string {
    return this.#prefix + textOf(key)
  }
}

/** The text of a key on the disk: one character for each byte, so that texts compare as bytes do. */
function textOf(key: Key): string {
  const [text, bytes] = [key.toString(), key.uint8Array()]
  return text.length === bytes.length ? text : latin1(bytes) // of ASCII it is the text
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
