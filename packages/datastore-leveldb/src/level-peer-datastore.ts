import { mkdir } from 'node:fs/promises'
import { unlessAborted as wait } from '@cluster/streams'
import type { AbortOptions } from '@libp2p/interface'
import { ClassicLevel } from 'classic-level'
import { LevelDatastore } from 'datastore-level'
import { Key, type Batch, type Pair } from 'interface-datastore'
import { CommitQueue } from './commit-queue.ts'
import { DatastoreError, messageOf, NotFoundError } from './errors.ts'
import { inspectFolder, openError } from './folder.ts'
import type { LevelTuning } from './go-options.ts'
import { NamespaceDatastore } from './namespace.ts'
import type { DatastoreOperation, PeerDatastore, ScanRange } from './peer-datastore.ts'
import { MAX_GROUP_KEYS, ReadQueue } from './read-queue.ts'

/** Most pairs in a page of {@link LevelPeerDatastore.scan}. */
export const MAX_PAGE_ITEMS = 1024
/** In UTF-8 the last code point, hence above every key that starts with what stands before it. */
const LAST = '\u{10FFFF}'

type Level = ClassicLevel<Uint8Array, Uint8Array>

/** How to open a {@link LevelPeerDatastore}. */
export interface LevelPeerDatastoreInit extends LevelTuning {
  /** Create the folder (mode 0700) and the database if there is none. Default true. */
  createIfMissing?: boolean
}

/**
 * interface-datastore over LevelDB (`classic-level` below `datastore-level`) that keeps its word: every write is
 * fsynced unless the caller says otherwise, concurrent writes share one fsync, scans read one snapshot.
 *
 * Keys are the UTF-8 text of the key and values are stored verbatim, so that the folder is one that goleveldb reads.
 *
 * @see spec/wire-crdt.md §5.2 and §5.6
 */
export class LevelPeerDatastore extends LevelDatastore implements PeerDatastore {
  readonly #level: Level
  readonly #queue: CommitQueue
  readonly #values: ReadQueue<Uint8Array, Uint8Array | undefined>
  readonly #presences: ReadQueue<Uint8Array, boolean>

  private constructor(level: Level, sync: boolean) {
    super(level as unknown as ConstructorParameters<typeof LevelDatastore>[0])
    this.#level = level
    this.#values = new ReadQueue((keys) => level.getMany(keys))
    this.#presences = new ReadQueue((keys) => level.hasMany(keys))
    this.#queue = new CommitQueue((commits, durable) => writeBatch(level, commits, durable && sync))
  }

  /**
   * Opens the database of a folder, and creates it if there is none.
   *
   * @throws DatastoreError `ERR_DATASTORE_LOCKED`, `ERR_DATASTORE_CORRUPT`, `ERR_DATASTORE_MISSING`,
   * `ERR_DATASTORE_FOREIGN`, `ERR_DATASTORE_OPEN`
   */
  static async open(folder: string, init: LevelPeerDatastoreInit = {}): Promise<LevelPeerDatastore> {
    const { createIfMissing = true, sync = true, ...tuning } = init
    await inspectFolder(folder, createIfMissing)
    try {
      if (createIfMissing) await mkdir(folder, { recursive: true, mode: 0o700 })
      // keys as bytes, as they stand in a Key: texts would be encoded twice and decoded once on the way
      const level: Level = new ClassicLevel(folder, { keyEncoding: 'view', valueEncoding: 'view' })
      await level.open({ createIfMissing, compression: true, ...tuning })
      return new LevelPeerDatastore(level, sync)
    } catch (error) {
      throw openError(folder, error)
    }
  }

  /** The folder of the database. */
  get folder(): string {
    return this.#level.location
  }

  /** Nothing to do: a store of this class is open until it is closed, and is not opened again. */
  override open(): Promise<void> {
    return Promise.resolve()
  }

  /** Waits for the writes under way, then closes. Idempotent. */
  override async close(): Promise<void> {
    await this.#queue.idle()
    if (this.#level.status === 'open') await this.#emptyLog()
    await this.#level.close()
  }

  /**
   * Moves what is in the log only into tables. When a compaction ended after it was written, goleveldb takes it for
   * damaged (its numbers are below the last one of the manifest), and drops it without a word when it opens the folder.
   */
  async #emptyLog(): Promise<void> {
    const beyondKeys = utf8(LAST)
    await this.#level.compactRange(beyondKeys, beyondKeys).catch(() => undefined) // a store that cannot write closes too
  }

  override async put(key: Key, value: Uint8Array, options?: AbortOptions): Promise<Key> {
    await this.#commit([{ put: { key, value } }], true, options?.signal)
    return key
  }

  override async delete(key: Key, options?: AbortOptions): Promise<void> {
    await this.#commit([{ delete: key }], true, options?.signal)
  }

  /** @throws NotFoundError if there is no such key */
  override async get(key: Key, options?: AbortOptions): Promise<Uint8Array> {
    const [value] = await this.readMany([key], options)
    if (value === undefined) throw new NotFoundError(`Not found: ${key.toString()}`)
    return value
  }

  override async has(key: Key, options?: AbortOptions): Promise<boolean> {
    options?.signal?.throwIfAborted()
    const [isThere = false] = await this.#read(() => wait(this.#presences.read([key.uint8Array()]), options?.signal))
    return isThere
  }

  override async *getMany(source: Iterable<Key> | AsyncIterable<Key>, options?: AbortOptions): AsyncGenerator<Pair> {
    let keys: Key[] = []
    for await (const key of source) {
      keys.push(key)
      if (keys.length < MAX_GROUP_KEYS) continue
      yield* await this.#getChunk(keys, options)
      keys = []
    }
    yield* await this.#getChunk(keys, options)
  }

  async #getChunk(keys: readonly Key[], options?: AbortOptions): Promise<Pair[]> {
    const values = await this.readMany(keys, options)
    return keys.map((key, index) => {
      const value = values[index]
      if (value === undefined) throw new NotFoundError(`Not found: ${key.toString()}`)
      return { key, value }
    })
  }

  async readMany(keys: readonly Key[], options?: AbortOptions): Promise<(Uint8Array | undefined)[]> {
    options?.signal?.throwIfAborted()
    const values: (Uint8Array | undefined)[] = []
    for (let at = 0; at < keys.length; at += MAX_GROUP_KEYS) {
      const part = keys.slice(at, at + MAX_GROUP_KEYS).map((key) => key.uint8Array())
      const chunk = await this.#read(() => wait(this.#values.read(part), options?.signal))
      for (const value of chunk) values.push(value === undefined ? undefined : plain(value))
    }
    return values
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
        await this.#commit(taken, true, options?.signal)
      }
    }
  }

  async commit(operations: readonly DatastoreOperation[], options: AbortOptions & { durable: boolean }): Promise<void> {
    await this.#commit(operations, options.durable, options.signal)
  }

  namespace(prefix: Key): PeerDatastore {
    return new NamespaceDatastore(this, prefix)
  }

  async *scan(range: ScanRange, options?: AbortOptions): AsyncGenerator<readonly Pair[]> {
    options?.signal?.throwIfAborted()
    if (range.limit !== undefined && range.limit <= 0) return
    this.#assertOpen()
    const iterator = this.#level.iterator({
      gte: range.gte.uint8Array(),
      lt: range.lt.uint8Array(),
      ...(range.limit === undefined ? {} : { limit: range.limit })
    })
    try {
      for (;;) {
        const entries = await this.#read(() => wait(iterator.nextv(MAX_PAGE_ITEMS), options?.signal))
        if (entries.length === 0) return
        yield entries.map(([key, value]) => ({ key: new Key(plain(key), false), value: plain(value) }))
      }
    } finally {
      await iterator.close()
    }
  }

  /** What `query` and `queryKeys` of datastore-level read from. */
  override async *_query(options: { values: boolean; prefix?: string }): AsyncGenerator<Pair> {
    this.#assertOpen()
    const prefix = options.prefix ?? ''
    const iterator = this.#level.iterator({ gte: utf8(prefix), lt: utf8(prefix + LAST), values: options.values })
    try {
      for (;;) {
        const entries = await this.#read(() => iterator.nextv(MAX_PAGE_ITEMS))
        if (entries.length === 0) return
        for (const [key, value] of entries) {
          yield { key: new Key(plain(key), false), value: options.values ? plain(value) : value }
        }
      }
    } finally {
      await iterator.close()
    }
  }

  async #commit(operations: readonly DatastoreOperation[], durable: boolean, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.#assertOpen()
    if (operations.length > 0) await wait(this.#queue.commit(operations, durable), signal)
  }

  #assertOpen(): void {
    if (this.#level.status === 'open') return
    throw new DatastoreError('ERR_DATASTORE_CLOSED', `datastore: ${this.folder} is not open`)
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    try {
      return await read()
    } catch (error) {
      // LevelDB's errors have a code that says so; the rest is an abort
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (typeof code !== 'string' || !code.startsWith('LEVEL_')) throw error
      throw new DatastoreError(
        'ERR_DATASTORE_READ',
        `datastore: cannot read ${this.folder}: ${messageOf(error)}`,
        error
      )
    }
  }
}

/**
 * Rebuilds a damaged database from what can still be read. Some entries may be lost.
 *
 * @throws DatastoreError `ERR_DATASTORE_OPEN` if nothing can be done
 */
export async function repairFolder(folder: string): Promise<void> {
  try {
    await ClassicLevel.repair(folder)
  } catch (error) {
    throw openError(folder, error)
  }
}

/** One batch of LevelDB, filled entry by entry: an array of them would be copied twice. */
async function writeBatch(
  level: Level,
  commits: readonly (readonly DatastoreOperation[])[],
  sync: boolean
): Promise<void> {
  const batch = level.batch()
  try {
    for (const operations of commits) {
      for (const operation of operations) {
        if ('put' in operation) batch.put(operation.put.key.uint8Array(), operation.put.value)
        else batch.del(operation.delete.uint8Array())
      }
    }
    await batch.write({ sync })
  } finally {
    await batch.close()
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** LevelDB hands out Buffers, whose `slice` shares memory; callers expect plain bytes. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
