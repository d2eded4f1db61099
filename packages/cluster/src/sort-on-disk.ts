import { decode, encode } from '@cluster/msgpack'
import { pinInfoForm } from '@cluster/wire'
import { ClusterError, pinsetKey, type PinInfo } from '@cluster/api'
import type { Scratch, ScratchFile } from './scratch.ts'
import type { KeyedStatus } from './status-stream.ts'

/** Items that are sorted in memory at a time: some megabytes. */
const RUN_ITEMS = 8_192
/** What all readers of runs may hold together. */
const MERGE_BUFFER_BYTES = 8 * 1024 * 1024
const MAX_READ_BYTES = 64 * 1024
const MIN_READ_BYTES = 4 * 1024
/** In front of each record: the lengths of its key and of the rest. */
const HEADER_BYTES = 8

/** A status as it lies on disk; it is decoded when it is wanted. */
interface Stored {
  readonly key: string
  readonly info: Uint8Array
}

interface Run {
  readonly offset: number
  readonly end: number
}

/** How an answer is sorted. */
export interface SortOptions {
  /** Items that are sorted in memory at a time. */
  readonly runItems?: number
  /** Looks at each item as it comes; what it throws ends the sorting. */
  readonly check?: (info: PinInfo) => PinInfo
}

/**
 * Sorts an answer of any length in the memory of a few thousand items: sorted parts go to the disk, and are merged from
 * there. What fits one part never touches the disk. Of two items with one key the first counts.
 *
 * @param afterKey - what is not after this key is left out
 * @throws {ClusterError} `LIMIT`, `STORAGE`, and whatever the answer throws, before the first item
 */
export async function* sortedOnDisk(
  answer: AsyncIterable<PinInfo>,
  afterKey: string,
  scratch: Scratch,
  { runItems = RUN_ITEMS, check = (info) => info }: SortOptions = {}
): AsyncGenerator<KeyedStatus, void, undefined> {
  let file: ScratchFile | undefined
  const runs: Run[] = []
  // As bytes: what lives for long as objects is expensive to collect.
  let part: Stored[] = []
  try {
    for await (const info of answer) {
      const key = pinsetKey(check(info).cid)
      if (key <= afterKey) continue
      part.push({ key, info: encode(pinInfoForm.msgpack, info) })
      if (part.length < runItems) continue
      file ??= await scratch.create()
      runs.push(await writeRun(file, runs.at(-1)?.end ?? 0, inKeyOrder(part)))
      part = []
    }
    if (file === undefined) {
      yield* decoded(inKeyOrder(part))
      return
    }
    if (part.length > 0) runs.push(await writeRun(file, runs.at(-1)?.end ?? 0, inKeyOrder(part)))
    part = []
    yield* decoded(mergeRuns(file, runs))
  } finally {
    await file?.close()
  }
}

function inKeyOrder(part: Stored[]): readonly Stored[] {
  return part.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

async function writeRun(file: ScratchFile, offset: number, part: readonly Stored[]): Promise<Run> {
  const records: Uint8Array[] = []
  let length = 0
  for (const { key, info } of part) {
    const name = Buffer.from(key, 'latin1')
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    header.writeUInt32LE(name.length, 0)
    header.writeUInt32LE(info.length, 4)
    records.push(header, name, info)
    length += header.length + name.length + info.length
  }
  await file.append(Buffer.concat(records, length))
  return { offset, end: offset + length }
}

/** Reads one run through a small buffer. */
async function* readRun(file: ScratchFile, { offset, end }: Run, readBytes: number): AsyncGenerator<Stored, void> {
  let buffer = Buffer.alloc(0)
  let at = offset
  while (at < end || buffer.length > 0) {
    const keyLength = buffer.length < HEADER_BYTES ? 0 : buffer.readUInt32LE(0)
    const valueLength = buffer.length < HEADER_BYTES ? 0 : buffer.readUInt32LE(4)
    const needed = HEADER_BYTES + keyLength + valueLength
    if (buffer.length < HEADER_BYTES || buffer.length < needed) {
      const more = await file.read(at, Math.min(Math.max(readBytes, needed - buffer.length), end - at))
      if (more.length === 0) throw new ClusterError('STORAGE', 'a scratch file is shorter than what was written')
      at += more.length
      buffer = Buffer.concat([buffer, more])
      continue
    }
    const key = buffer.toString('latin1', HEADER_BYTES, HEADER_BYTES + keyLength)
    yield { key, info: buffer.subarray(HEADER_BYTES + keyLength, needed) }
    buffer = buffer.subarray(needed)
  }
}

interface Head {
  readonly stored: Stored
  readonly rest: AsyncGenerator<Stored, void>
  /** Which run it is from: the first comes first. */
  readonly index: number
}

async function* mergeRuns(file: ScratchFile, runs: readonly Run[]): AsyncGenerator<Stored, void> {
  const readBytes = Math.max(MIN_READ_BYTES, Math.min(MAX_READ_BYTES, Math.floor(MERGE_BUFFER_BYTES / runs.length)))
  const heap: Head[] = []
  for (const [index, run] of runs.entries()) {
    const rest = readRun(file, run, readBytes)
    const first = await rest.next()
    if (first.done !== true) push(heap, { stored: first.value, rest, index })
  }
  for (let head = heap[0]; head !== undefined; head = heap[0]) {
    yield head.stored
    const next = await head.rest.next()
    replaceTop(heap, next.done === true ? undefined : { ...head, stored: next.value })
  }
}

function isBefore(a: Head, b: Head): boolean {
  return a.stored.key < b.stored.key || (a.stored.key === b.stored.key && a.index < b.index)
}

function push(heap: Head[], head: Head): void {
  heap.push(head)
  let at = heap.length - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || !isBefore(head, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = head
}

/** Puts another head in the place of the first; nothing lets the last take it. */
function replaceTop(heap: Head[], replacement: Head | undefined): void {
  const head = replacement ?? heap.pop()
  if (head === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
    if (left === undefined) break
    const below = right !== undefined && isBefore(right, left) ? right : left
    if (!isBefore(below, head)) break
    heap[at] = below
    at = below === left ? 2 * at + 1 : 2 * at + 2
  }
  heap[at] = head
}

/** Each key once: of two items the first counts. */
async function* decoded(items: Iterable<Stored> | AsyncIterable<Stored>): AsyncGenerator<KeyedStatus, void, undefined> {
  let last: string | undefined
  for await (const { key, info } of items) {
    if (key !== last) yield { key, info: decode(pinInfoForm.msgpack, info) }
    last = key
  }
}
