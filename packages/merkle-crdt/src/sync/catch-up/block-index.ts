import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Key, Pair } from 'interface-datastore'
import { badEntry, readMany } from '../../store/draft.ts'
import type { Layout } from '../../store/layout.ts'
import type { Clock, CrdtStorage, StorageOperation } from '../../ports.ts'
import { decodeUvarint, encodeUvarint } from '../../wire/uvarint.ts'
import { digestOfId, idOfDigest } from './digest.ts'
import { MAX_INDEX_ENTRIES, type IndexEntry, type IndexRequest } from './message.ts'

/** Blocks read at once while the index is built: a batch block may have 1 MiB. */
const BUILD_BLOCKS = 16
const MAX_HEIGHT = (1n << 64n) - 1n
const DATA = 1
const PRIORITY = 3

/**
 * The processed blocks by height, for peers that catch up. Written with each block that is merged; built once for a
 * store that had blocks before there was an index, or that a Go peer wrote to.
 *
 * @see spec/wire-crdt.md §7.3 P10
 */
export class BlockIndex {
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  #isComplete = false

  constructor(storage: CrdtStorage, layout: Layout) {
    this.#storage = storage
    this.#layout = layout
  }

  /** Whether every processed block that is here is in it. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Of a store without blocks: what is merged from now on goes into the index. */
  async begin(signal: AbortSignal): Promise<void> {
    const scan = this.#storage.scan({ ...this.#layout.allProcessed(), limit: 1 }, { signal })
    for await (const page of scan) if (page.length > 0) return
    await this.#storage.commit([this.#mark()], { durable: false })
  }

  #mark(): StorageOperation {
    return { put: { key: this.#layout.isIndexed(), value: new Uint8Array() } }
  }

  /** Looks whether the index is complete, and builds it if not; the store may be used meanwhile. */
  async prepare(clock: Clock, signal: AbortSignal): Promise<void> {
    if (!(await this.#wasComplete(signal))) {
      await this.#build(clock, signal)
      await this.#storage.commit([this.#mark()], { durable: true })
    }
    this.#isComplete = true
  }

  /** A Go peer that opened the folder leaves heads that are merged, but not in the index. */
  async #wasComplete(signal: AbortSignal): Promise<boolean> {
    if (!(await this.#storage.has(this.#layout.isIndexed(), { signal }))) return false
    for await (const page of this.#storage.scan(this.#layout.heads(), { signal })) {
      for (const { key, value } of page) {
        const id = this.#layout.lastSegment(key)
        const height = decodeUvarint(value)?.value ?? 0n
        const wanted = [this.#layout.processed(id), this.#layout.block(id), this.#layout.indexed(height, id)]
        const [processed, block, indexed] = await readMany(this.#storage, wanted, { signal })
        if (processed !== undefined && block !== undefined && indexed === undefined) return false
      }
    }
    return true
  }

  async #build(clock: Clock, signal: AbortSignal): Promise<void> {
    for await (const page of this.#storage.scan(this.#layout.allProcessed(), { signal })) {
      for (let at = 0; at < page.length; at += BUILD_BLOCKS) {
        const ids = page.slice(at, at + BUILD_BLOCKS).map(({ key }) => this.#layout.lastSegment(key))
        const blocks = await readMany(
          this.#storage,
          ids.map((id) => this.#layout.block(id)),
          { signal }
        )
        const operations: StorageOperation[] = []
        ids.forEach((id, index) => {
          const bytes = blocks[index]
          const height = bytes === undefined ? undefined : priorityOf(bytes)
          if (bytes !== undefined && height !== undefined) {
            operations.push(indexOperation(this.#layout, height, id, bytes.length))
          }
        })
        // the mark that says the index is complete relies on it
        await this.#storage.commit(operations, { durable: true, signal })
        await new Promise<void>((resolve) => {
          clock.soon(resolve)
        })
      }
    }
  }

  /** The heights of some blocks, of those that are here. */
  async heights(digests: readonly Uint8Array[], signal: AbortSignal): Promise<(bigint | undefined)[]> {
    const keys = digests.map((digest) => this.#layout.block(idOfDigest(digest)))
    const heights: (bigint | undefined)[] = []
    for (let at = 0; at < keys.length; at += BUILD_BLOCKS) {
      const blocks = await readMany(this.#storage, keys.slice(at, at + BUILD_BLOCKS), { signal })
      for (const bytes of blocks) heights.push(bytes === undefined ? undefined : priorityOf(bytes))
    }
    return heights
  }

  /**
   * A page of the index, from the highest entry down.
   *
   * @returns `undefined` when none of the blocks to begin with is here
   */
  async page(
    request: IndexRequest,
    signal: AbortSignal
  ): Promise<{ entries: IndexEntry[]; hasMore: boolean } | undefined> {
    const { below, before, fromHeight } = request
    const limit = Math.min(Math.max(1, request.limit), MAX_INDEX_ENTRIES)
    let end: Key | undefined
    let height: bigint
    if (before !== undefined) {
      height = before.height
      end = this.#layout.indexed(before.height, idOfDigest(before.digest))
    } else if (below.length > 0) {
      const known = (await this.heights(below, signal)).filter((found) => found !== undefined)
      if (known.length === 0) return undefined
      height = known.reduce((highest, found) => (found > highest ? found : highest))
    } else height = await this.#top(signal)
    const entries: IndexEntry[] = []
    let hasMore = true
    for (let width = BigInt(limit); entries.length < limit && hasMore; width *= 2n) {
      const bottom = height >= width && height - width >= fromHeight ? height - width + 1n : fromHeight
      const found = await this.#last(bottom, height, end, limit - entries.length, signal)
      entries.push(...found.entries)
      hasMore = found.isCut || bottom > fromHeight
      if (found.isCut) break
      end = undefined
      if (bottom === 0n) break
      height = bottom - 1n
    }
    return { entries, hasMore }
  }

  async #top(signal: AbortSignal): Promise<bigint> {
    let top = 0n
    for await (const page of this.#storage.scan(this.#layout.heads(), { signal })) {
      for (const { value } of page) {
        const height = decodeUvarint(value)?.value ?? 0n
        if (height > top) top = height
      }
    }
    return top
  }

  /** The last entries of a range of heights, the last one first. */
  async #last(
    from: bigint,
    to: bigint,
    end: Key | undefined,
    limit: number,
    signal: AbortSignal
  ): Promise<{ entries: IndexEntry[]; isCut: boolean }> {
    const range = this.#layout.index(from, to === MAX_HEIGHT ? undefined : to + 1n)
    if (end !== undefined) range.lt = end
    let kept: IndexEntry[] = []
    let isCut = false
    for await (const page of this.#storage.scan(range, { signal })) {
      for (const { key, value } of page) {
        const { height, id } = this.#layout.indexEntry(key)
        const digest = digestOfId(id)
        const size = decodeUvarint(value)
        if (digest === undefined || size === undefined) throw badEntry('error decoding index', key)
        kept.push({ height, size: Number(size.value), digest })
      }
      if (kept.length > limit) {
        isCut = true
        kept = kept.slice(-limit)
      }
    }
    return { entries: kept.reverse(), isCut }
  }
}

/** Puts a block into the index. */
export function indexOperation(layout: Layout, height: bigint, id: string, size: number): { put: Pair } {
  return { put: { key: layout.indexed(height, id), value: encodeUvarint(BigInt(size)) } }
}

/** The priority of a block, without reading the rest of its delta; `undefined` if the bytes are no block. */
function priorityOf(block: Uint8Array): bigint | undefined {
  try {
    let priority = 0n
    eachField(block, DATA, WireType.LengthDelimited, (reader) => {
      eachField(reader.bytes(), PRIORITY, WireType.Varint, (inner) => {
        priority = BigInt(inner.uint64())
      })
    })
    return priority
  } catch {
    return undefined
  }
}

function eachField(bytes: Uint8Array, wanted: number, type: WireType, take: (reader: BinaryReader) => void): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, found] = reader.tag()
    if (field === wanted && found === type) take(reader)
    else reader.skip(found, field)
  }
}
