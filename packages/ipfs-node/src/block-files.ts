import { FsBlockstore } from 'blockstore-fs'
import type { CID } from 'multiformats/cid'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type BlockFile, BlockFolder, cidOfStored } from './block-folder.ts'
import { isMissing, syncFile, syncFolder } from './durable-file.ts'
import { BlockNotFoundError, IpfsNodeError } from './errors.ts'
import { RepoSize } from './repo-size.ts'
import { type HashFunctions, identityHash, matches } from './verify.ts'

/** Largest block accepted: what fits into one Bitswap message of 4 MiB. */
export const maxBlockBytes = 4 * 1024 * 1024

/** Blocks written and not yet flushed; the next write then waits for a flush. */
const maxUnflushed = 16_384
const flushConcurrency = 16

interface AbortOptions {
  signal?: AbortSignal | undefined
}

/** How blocks are kept on disk. */
export interface BlockFilesOptions {
  /** Writing beyond this total is refused with `STORAGE_FULL`. Default: no limit. */
  storageMaxBytes?: number | undefined
  /** Hash functions beyond those of OpenSSL. */
  hashFunctions?: HashFunctions | undefined
  /** Called for each damaged block, after it was removed. */
  onDamaged?: ((cid: CID) => void) | undefined
  /** Time in ms since 1970. Default: `Date.now`. */
  nowMs?: (() => number) | undefined
}

/**
 * Content blocks as files of `blockstore-fs`, keyed by multihash.
 *
 * A file appears whole under its name or not at all (kill -9 leaves no partial block), and `flush()` makes what was
 * written survive a power loss too. After an unclean end the blocks of that time are checked against their hash when
 * they are read; one that fails is removed and counts as missing.
 */
export class BlockFiles {
  readonly #folder: BlockFolder
  readonly #store: FsBlockstore
  readonly #size: RepoSize
  readonly #options: BlockFilesOptions
  readonly #nowMs: () => number
  /** Writes and removals in progress, one per block: two writers of one block would share a temporary file. */
  readonly #busy = new Map<string, Promise<unknown>>()
  #unflushed = new Set<string>()
  #flushing: Promise<void> | undefined
  #open = false

  constructor(path: string, options: BlockFilesOptions = {}) {
    this.#folder = new BlockFolder(path)
    this.#store = new FsBlockstore(path)
    this.#nowMs = options.nowMs ?? Date.now
    this.#size = new RepoSize(this.#folder, (file) => this.#isSound(file), this.#nowMs)
    this.#options = options
  }

  /**
   * Creates the folder if needed. One process at a time may have it open.
   *
   * @throws IpfsNodeError `STORAGE_FAILED`, naming the folder
   */
  async open(): Promise<void> {
    if (this.#open) return
    try {
      await mkdir(this.#folder.path, { recursive: true })
      await this.#store.open()
      await this.#size.open()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new IpfsNodeError('STORAGE_FAILED', `cannot use ${this.#folder.path} for blocks: ${reason}`, { cause })
    }
    this.#open = true
  }

  /** Flushes and marks the folder as cleanly closed. */
  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await Promise.allSettled(this.#busy.values())
    await this.#flushAll()
    await this.#size.close()
    await this.#store.close()
  }

  /** Whether the block is stored whole. */
  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    return (await this.getSize(cid, options)) !== undefined
  }

  /** Size in bytes, `undefined` when the block is not stored. */
  async getSize(cid: CID, options: AbortOptions = {}): Promise<number | undefined> {
    options.signal?.throwIfAborted()
    if (cid.multihash.code === identityHash) return cid.multihash.digest.byteLength
    const key = await this.#idle(cid)
    const found = await this.#folder.stat(key)
    if (found === undefined) return undefined
    if (found.sizeBytes > 0 && !this.#size.isSuspect(found.changedMs)) return found.sizeBytes
    const bytes = await this.#read(cid, key, true)
    return bytes?.byteLength
  }

  /** @throws BlockNotFoundError also for a damaged block, which is removed. */
  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted()
    if (cid.multihash.code === identityHash) return cid.multihash.digest
    const key = await this.#idle(cid)
    const found = this.#size.hasSuspects ? await this.#folder.stat(key) : undefined
    const suspect = found !== undefined && this.#size.isSuspect(found.changedMs)
    const bytes = await this.#read(cid, key, suspect)
    if (bytes === undefined) throw new BlockNotFoundError(cid)
    return bytes
  }

  /**
   * As `get`, for a block that looked wrong: checked against its hash whatever its age.
   *
   * @throws BlockNotFoundError also for a damaged block, which is removed.
   */
  async recheck(cid: CID): Promise<Uint8Array> {
    const bytes = await this.#read(cid, await this.#idle(cid), true)
    if (bytes === undefined) throw new BlockNotFoundError(cid)
    return bytes
  }

  /**
   * Stores a block under its hash. It is checked first; storing it again is cheap.
   *
   * @throws IpfsNodeError `HASH_MISMATCH`, `BLOCK_TOO_LARGE`, `UNKNOWN_HASH`, `STORAGE_FULL`, `STORAGE_FAILED`
   */
  async put(cid: CID, bytes: Uint8Array, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (!this.#open) throw new IpfsNodeError('NOT_OPEN', 'the block folder is not open')
    if (bytes.byteLength > maxBlockBytes) {
      throw new IpfsNodeError(
        'BLOCK_TOO_LARGE',
        `block of ${bytes.byteLength} bytes, at most ${maxBlockBytes} are stored`
      )
    }
    if (!(await matches(cid, bytes, this.#options.hashFunctions))) {
      throw new IpfsNodeError('HASH_MISMATCH', `the bytes are not those of ${cid.toString()}`)
    }
    if (cid.multihash.code === identityHash) return
    while (this.#unflushed.size >= maxUnflushed) await this.flush()
    await this.#exclusively(cid, async (key) => {
      const before = await this.#folder.stat(key)
      if (before !== undefined && before.sizeBytes > 0 && !this.#size.isSuspect(before.changedMs)) return
      const room = (this.#options.storageMaxBytes ?? Infinity) - this.#size.knownBytes
      if (bytes.byteLength > room) {
        throw new IpfsNodeError('STORAGE_FULL', `storage limit of ${this.#options.storageMaxBytes ?? 0} bytes reached`)
      }
      this.#unflushed.add(key)
      try {
        await this.#store.put(cid, bytes)
      } catch (cause) {
        this.#unflushed.delete(key)
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new IpfsNodeError('STORAGE_FAILED', `cannot store block ${cid.toString()}: ${reason}`, { cause })
      }
      const shard = this.#folder.shardOf(key)
      if (before !== undefined) this.#size.changed(shard, -1, before.sizeBytes)
      this.#size.changed(shard, 1, bytes.byteLength)
    })
  }

  /** Removes a block; a missing one is no error. `unless` is asked at the last moment. */
  async delete(cid: CID, options: AbortOptions & { unless?: () => boolean } = {}): Promise<boolean> {
    options.signal?.throwIfAborted()
    if (cid.multihash.code === identityHash) return false
    let removed = false
    await this.#exclusively(cid, async (key) => {
      const found = await this.#folder.stat(key)
      if (found === undefined || options.unless?.() === true) return
      await this.#store.delete(cid)
      this.#unflushed.delete(key)
      this.#size.changed(this.#folder.shardOf(key), -1, found.sizeBytes)
      removed = true
    })
    return removed
  }

  /** Makes everything written before this call survive a power loss. Calls at the same time share the work. */
  async flush(): Promise<void> {
    await this.#flushing
    await this.#flushAll()
  }

  /** A block that was found, not written: flush it too, the process that wrote it may not have lived to do so. */
  async adopt(cid: CID): Promise<void> {
    if (!this.#size.hasSuspects || cid.multihash.code === identityHash) return
    while (this.#unflushed.size >= maxUnflushed) await this.flush()
    this.#unflushed.add(this.#folder.keyOf(cid.multihash))
  }

  /** All stored blocks as v1 raw CIDs, unordered; blocks written or removed meanwhile may or may not appear. */
  async *list(options: AbortOptions = {}): AsyncGenerator<CID> {
    for (const shard of await this.#folder.shards()) {
      for await (const { multihash } of this.#folder.files(shard)) {
        options.signal?.throwIfAborted()
        yield cidOfStored(multihash)
      }
    }
  }

  /** Bytes and number of the stored blocks. */
  async stat(): Promise<{ sizeBytes: number; blocks: number }> {
    return await this.#size.current()
  }

  async #read(cid: CID, key: string, suspect: boolean): Promise<Uint8Array | undefined> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.#folder.fileOf(key))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error // an unreadable disk is not a missing block
    }
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!suspect && plain.byteLength > 0) return plain
    if (await matches(cid, plain, this.#options.hashFunctions)) return plain
    if (await this.delete(cid)) this.#options.onDamaged?.(cid)
    return undefined
  }

  /** Whether a block file is what its name says; one whose hash function is not known here is left alone. */
  async #isSound({ key, multihash }: BlockFile): Promise<boolean> {
    try {
      const path = this.#folder.fileOf(key)
      const sound = await matches(cidOfStored(multihash), await readFile(path), this.#options.hashFunctions)
      if (sound) await syncFile(path)
      else this.#options.onDamaged?.(cidOfStored(multihash))
      return sound
    } catch (error) {
      if (error instanceof IpfsNodeError && error.code === 'UNKNOWN_HASH') return true
      throw error
    }
  }

  /** Waits for a write or removal of this block in progress. */
  async #idle(cid: CID): Promise<string> {
    if (!this.#open) throw new IpfsNodeError('NOT_OPEN', 'the block folder is not open')
    const key = this.#folder.keyOf(cid.multihash)
    for (let busy = this.#busy.get(key); busy !== undefined; busy = this.#busy.get(key)) {
      await busy.catch(() => undefined)
    }
    return key
  }

  async #exclusively(cid: CID, change: (key: string) => Promise<void>): Promise<void> {
    const key = this.#folder.keyOf(cid.multihash)
    for (let busy = this.#busy.get(key); busy !== undefined; busy = this.#busy.get(key)) {
      await busy.catch(() => undefined)
    }
    const work = this.#size.during(this.#folder.shardOf(key), () => change(key))
    this.#busy.set(key, work) // in the same turn as the last look: no other writer can be between
    try {
      await work
    } finally {
      this.#busy.delete(key)
    }
  }

  #flushAll(): Promise<void> {
    if (this.#flushing !== undefined) return this.#flushing
    if (this.#unflushed.size === 0) return Promise.resolve()
    const startedMs = this.#nowMs()
    const keys = this.#unflushed
    this.#unflushed = new Set()
    const work = this.#flushKeys(keys)
      .then(() => this.#size.flushed(startedMs))
      .catch((error: unknown) => {
        for (const key of keys) this.#unflushed.add(key)
        throw error
      })
      .finally(() => {
        this.#flushing = undefined
      })
    this.#flushing = work
    return work
  }

  async #flushKeys(keys: ReadonlySet<string>): Promise<void> {
    const folders = new Set<string>([this.#folder.path])
    await inParallel(keys, async (key) => {
      await this.#busy.get(key)?.catch(() => undefined)
      const file = this.#folder.fileOf(key)
      folders.add(dirname(file))
      await syncFile(file)
    })
    await inParallel(folders, syncFolder)
  }
}

async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = Iterator.from(items)
  const lane = async (): Promise<void> => {
    for (const item of iterator) await work(item)
  }
  await Promise.all(Array.from({ length: flushConcurrency }, lane))
}
