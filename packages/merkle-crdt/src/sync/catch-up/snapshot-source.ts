import type { Pair } from 'interface-datastore'
import type { CrdtStorage } from '../../ports.ts'
import { badEntry, readMany } from '../../store/draft.ts'
import { decodeElementEntry, type Candidate } from '../../store/element-entry.ts'
import type { Layout } from '../../store/layout.ts'
import { greatestValue } from '../../store/merge.ts'
import type { CrdtState } from '../../store/process.ts'
import { cidOfBlockId, type BlockId } from '../../wire/block-id.ts'
import { decodeNode } from '../../wire/node.ts'
import { compareBytes, decodeUvarint } from '../../wire/uvarint.ts'
import { readFrontier } from '../jobs.ts'
import { digestOfId, sha256 } from './digest.ts'
import { DIGEST_BYTES, type SnapshotChunk, type SnapshotKind } from './message.ts'
import { encodeHeads, RecordWriter, type SnapshotElement, type SnapshotRecord } from './records.ts'

/** Elements read in one turn: few enough that the store is not held up, bounded in bytes by growing from the minimum. */
const [MIN_PAGE, MAX_PAGE] = [64, 1024]
const PAGE_BYTES = 512 * 1024
/** Of a small element with its key: so that the first page of a small chunk is not far too long. */
const ELEMENT_BYTES = 128

/** Runs a task between two turns of the store: nothing is written meanwhile. */
export type InTurn = <T>(task: (state: CrdtState) => Promise<T>) => Promise<T>

/** Iterators over one moment of the datastore. */
interface Frame {
  readonly heads: Uint8Array
  readonly processed: AsyncIterator<readonly Pair[]>
  readonly tombstones: AsyncIterator<readonly Pair[]>
  readonly firstProcessed: IteratorResult<readonly Pair[]>
  readonly firstTombstones: IteratorResult<readonly Pair[]>
}

/**
 * What this replica offers to a fresh one. In two parts: the *frame* is of one moment: heads, marks of all merged
 * blocks, and tombstones. The *elements* come later, chunk by chunk, each key at some moment
 * after the frame; so nothing has to be kept here between two chunks, and a transfer can go on after any break. That is
 * right, because an element goes one way only, from absent over live to dead: what is newer than the frame is of blocks
 * that the frame does not mark, which the receiver still merges.
 */
export class SnapshotSource {
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  readonly #inTurn: InTurn
  readonly #chunkBytes: number

  /** @param chunkBytes - of a chunk, about */
  constructor(storage: CrdtStorage, layout: Layout, inTurn: InTurn, chunkBytes: number) {
    this.#storage = storage
    this.#layout = layout
    this.#inTurn = inTurn
    this.#chunkBytes = chunkBytes
  }

  /** @returns `undefined` when blocks are missing here: then there is no moment to tell of */
  async frame(signal: AbortSignal): Promise<AsyncGenerator<SnapshotChunk> | undefined> {
    const frame = await this.#inTurn(async ({ heads, jobs }): Promise<Frame | undefined> => {
      if (jobs.size > 0 || heads.size === 0) return undefined
      const processed = this.#storage.scan(this.#layout.allProcessed(), { signal })[Symbol.asyncIterator]()
      const tombstones = this.#storage.scan(this.#layout.tombstones(), { signal })[Symbol.asyncIterator]()
      // the first page fixes the moment
      const [firstProcessed, firstTombstones] = await Promise.all([processed.next(), tombstones.next()])
      return { heads: encodeHeads(heads.list()), processed, tombstones, firstProcessed, firstTombstones }
    })
    return frame === undefined ? undefined : this.#sendFrame(frame)
  }

  /**
   * From where all blocks that are merged by now are reached: the heads, and those that are none yet, since something
   * below them is missing.
   *
   * @returns `undefined` when there are none
   */
  async tops(signal: AbortSignal): Promise<SnapshotChunk[] | undefined> {
    const tops = await this.#inTurn(async ({ heads }) => {
      const found = new Map(heads.list().map((head) => [head.id, head]))
      for await (const { root } of readFrontier(this.#storage, this.#layout, signal)) found.set(root.id, root)
      const keys = [...found.keys()].map((id) => this.#layout.processed(id))
      const marks = await readMany(this.#storage, keys, { signal })
      // a Go peer that went down in its first walk leaves a head that it never merged
      return [...found.values()].filter((_, index) => marks[index] !== undefined)
    })
    return tops.length === 0 ? undefined : [chunkOf('heads', encodeHeads(tops))]
  }

  async *#sendFrame(frame: Frame): AsyncGenerator<SnapshotChunk> {
    try {
      yield chunkOf('heads', frame.heads)
      let packed: Uint8Array[] = []
      for await (const page of resume(frame.firstProcessed, frame.processed)) {
        for (const { key } of page) {
          const digest = digestOfId(this.#layout.lastSegment(key))
          if (digest !== undefined) packed.push(digest)
        }
        if (packed.length * DIGEST_BYTES < this.#chunkBytes) continue
        yield chunkOf('processed', Buffer.concat(packed))
        packed = []
      }
      yield chunkOf('processed', Buffer.concat(packed))
      yield* this.#tombstones(frame)
    } finally {
      await Promise.all([frame.processed.return?.(), frame.tombstones.return?.()])
    }
  }

  /** All that are stored: which of them matter could only be told by marks of the same moment. */
  async *#tombstones(frame: Frame): AsyncGenerator<SnapshotChunk> {
    const writer = new RecordWriter()
    for await (const page of resume(frame.firstTombstones, frame.tombstones)) {
      for (const { key } of page) {
        const digest = digestOfId(this.#layout.lastSegment(key))
        if (digest !== undefined) writer.addTombstone({ key: this.#layout.userKeyOfTombstone(key), digest })
      }
      if (writer.bytes >= this.#chunkBytes) yield chunkOf('tombstones', writer.finish())
    }
    if (writer.bytes > 0) yield chunkOf('tombstones', writer.finish())
  }

  /** One chunk of elements, from behind a cursor on; `next` of the last one is empty. */
  async *elements(cursor: string, signal: AbortSignal): AsyncGenerator<SnapshotChunk> {
    const writer = new RecordWriter()
    let at = cursor
    let size = Math.min(MIN_PAGE, Math.ceil(this.#chunkBytes / ELEMENT_BYTES))
    do {
      const page = await this.#inTurn(() => this.#readPage(at, size, signal))
      for (const record of page.records) writer.add(record)
      at = page.next
      if (page.bytes < PAGE_BYTES) size = Math.min(MAX_PAGE, size * 2)
      else size = Math.max(MIN_PAGE, Math.floor((size * PAGE_BYTES) / page.bytes))
    } while (at !== '' && writer.bytes < this.#chunkBytes)
    yield { ...chunkOf('elements', writer.finish()), next: at }
  }

  async #readPage(
    cursor: string,
    limit: number,
    signal: AbortSignal
  ): Promise<{ records: SnapshotRecord[]; next: string; bytes: number }> {
    const stored: { key: string; id: BlockId; entry: Uint8Array }[] = []
    let bytes = 0
    let next = ''
    const range = { ...this.#layout.elementsBehind(cursor), limit: limit + 1 }
    for await (const page of this.#storage.scan(range, { signal })) {
      for (const { key, value } of page) {
        if (cursor !== '' && this.#layout.cursorOf(key) === cursor) continue
        if (stored.length >= limit) continue
        stored.push({ ...this.#layout.elementEntry(key), entry: value })
        bytes += value.length
        next = this.#layout.cursorOf(key)
      }
    }
    if (stored.length < limit) next = ''
    return { records: await this.#recordsOf(stored, signal), next, bytes }
  }

  async #recordsOf(
    stored: readonly { key: string; id: BlockId; entry: Uint8Array }[],
    signal: AbortSignal
  ): Promise<SnapshotRecord[]> {
    const tombstones = await readMany(
      this.#storage,
      stored.map(({ key, id }) => this.#layout.tombstone(key, id)),
      { signal }
    )
    const live = new Map<string, { id: BlockId; entry: Uint8Array }[]>()
    stored.forEach(({ key, id, entry }, index) => {
      if (tombstones[index] !== undefined) return
      const entries = live.get(key)
      if (entries === undefined) live.set(key, [{ id, entry }])
      else entries.push({ id, entry })
    })
    const keys = [...live.keys()]
    const visible = await readMany(
      this.#storage,
      keys.flatMap((key) => [this.#layout.value(key), this.#layout.priority(key)]),
      { signal }
    )
    const records: SnapshotRecord[] = []
    for (const [index, key] of keys.entries()) {
      const shown = shownBy(visible[index * 2], visible[index * 2 + 1])
      const elements: SnapshotElement[] = []
      for (const { id, entry } of live.get(key) ?? []) {
        const digest = digestOfId(id)
        if (digest === undefined) continue
        const candidate = decodeElementEntry(entry) ?? (await this.#candidateOfBlock(key, id, signal))
        elements.push({ digest, ...candidate })
      }
      if (elements.length > 0) records.push({ key, elements, visible: compareShown(shown, bestOf(elements)) })
    }
    return records
  }

  /** For elements that a Go peer stored, which say nothing. */
  async #candidateOfBlock(key: string, id: BlockId, signal: AbortSignal): Promise<Candidate> {
    const cid = cidOfBlockId(id)
    const [bytes] = await readMany(this.#storage, [this.#layout.block(id)], { signal })
    if (cid === undefined || bytes === undefined) throw badEntry('error getting delta', this.#layout.block(id))
    const { delta } = decodeNode(cid, bytes)
    return { priority: delta.priority, value: greatestValue(delta, key) }
  }
}

/** The greatest by priority, then by bytes. */
export function bestOf(elements: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined
  for (const element of elements) {
    const isBetter =
      best === undefined ||
      element.priority > best.priority ||
      (element.priority === best.priority && compareBytes(element.value, best.value) > 0)
    if (isBetter) best = element
  }
  return best
}

function shownBy(value: Uint8Array | undefined, priority: Uint8Array | undefined): Candidate | undefined {
  if (value === undefined) return undefined
  const stored = priority === undefined ? undefined : decodeUvarint(priority)
  return { value, priority: stored === undefined || stored.value === 0n ? 0n : stored.value - 1n }
}

function compareShown(shown: Candidate | undefined, best: Candidate | undefined): SnapshotRecord['visible'] {
  if (shown === undefined) return 'none'
  const isBest = best?.priority === shown.priority && compareBytes(best.value, shown.value) === 0
  return isBest ? 'best' : shown
}

function chunkOf(kind: SnapshotKind, data: Uint8Array): SnapshotChunk {
  return { kind, data, sha256: sha256(data), next: '' }
}

async function* resume<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value
}
