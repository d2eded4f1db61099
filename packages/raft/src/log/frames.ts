import type { LogEntry } from '../entry.ts'
import { crc32c } from './crc32c.ts'

/** What a segment is made of. @see wire-raft.md §6.3 */
const ENTRY = 1
const TRUNCATE = 2
const COMMIT = 3

const FRAME_HEAD = 8
const ENTRY_HEAD = 16
const COMMIT_BYTES = 24
const ALIGN = 8
const MAGIC = 0x5241_4654_5345_4731n
const VERSION = 1

/** Bytes before the first frame. */
export const SEGMENT_HEAD = 64

/** Where the map of an entry is in its segment. */
interface Place {
  readonly index: number
  readonly term: number
  readonly offset: number
  readonly length: number
}

/** A batch that was read: a truncation, then entries. */
export interface Batch {
  readonly sequence: number
  readonly truncateFrom: number | undefined
  readonly places: readonly Place[]
  /** Where it ends. */
  readonly end: number
}

function padded(length: number): number {
  return Math.ceil(length / ALIGN) * ALIGN
}

/** Bytes that a batch takes in a segment. */
export function batchLength(entries: readonly LogEntry[], truncateFrom: number | undefined): number {
  let length = FRAME_HEAD + COMMIT_BYTES + (truncateFrom === undefined ? 0 : FRAME_HEAD + 8)
  for (const { encoded } of entries) length += FRAME_HEAD + padded(ENTRY_HEAD + encoded.length)
  return length
}

/** The head of a segment. */
export function segmentHead(id: number, base: number): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEAD)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, MAGIC)
  view.setUint32(8, VERSION)
  view.setBigUint64(16, BigInt(base))
  view.setBigUint64(24, BigInt(id))
  view.setUint32(32, crc32c(bytes.subarray(0, 32)))
  return bytes
}

/** Whether bytes begin with the head of this segment. */
export function isSegmentHead(bytes: Uint8Array, id: number, base: number): boolean {
  return Buffer.compare(bytes.subarray(0, SEGMENT_HEAD), segmentHead(id, base)) === 0
}

/**
 * One batch: what is to be written at `start`, and where its entries are then.
 *
 * @param synced - the greatest sequence that is known to be on the disk
 */
export function encodeBatch(
  entries: readonly LogEntry[],
  truncateFrom: number | undefined,
  at: { readonly segment: number; readonly start: number; readonly sequence: number; readonly synced: number }
): { readonly bytes: Uint8Array; readonly places: readonly Place[] } {
  const bytes = new Uint8Array(batchLength(entries, truncateFrom))
  const view = new DataView(bytes.buffer)
  const places: Place[] = []
  let position = 0
  const head = (type: number, length: number): void => {
    bytes[position] = type
    view.setUint32(position + 4, length)
    position += FRAME_HEAD
  }
  if (truncateFrom !== undefined) {
    head(TRUNCATE, 8)
    view.setBigUint64(position, BigInt(truncateFrom))
    position += 8
  }
  for (const { index, term, encoded } of entries) {
    head(ENTRY, ENTRY_HEAD + encoded.length)
    setIndex(view, position, index)
    setIndex(view, position + 8, term)
    bytes.set(encoded, position + ENTRY_HEAD)
    places.push({ index, term, offset: at.start + position + ENTRY_HEAD, length: encoded.length })
    position += padded(ENTRY_HEAD + encoded.length)
  }
  const crc = crc32c(bytes.subarray(0, position))
  head(COMMIT, COMMIT_BYTES)
  view.setUint32(position, crc)
  setIndex(view, position + 4, at.sequence)
  setIndex(view, position + 12, at.synced)
  view.setUint32(position + 20, commitCrc(bytes.subarray(position, position + 20), at.segment))
  return { bytes, places }
}

/** Reads the batch at `start`; undefined if there is none, or not a whole one. */
export function readBatch(segment: Uint8Array, segmentId: number, start: number): Batch | undefined {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength)
  const places: Place[] = []
  let truncateFrom: number | undefined
  let position = start
  while (position + FRAME_HEAD <= segment.length) {
    const type = segment[position]
    const length = view.getUint32(position + 4)
    const payload = position + FRAME_HEAD
    const end = payload + padded(length)
    if (end > segment.length) return undefined
    if (type === COMMIT) {
      const commit = readCommit(segment, segmentId, position)
      if (commit?.crc !== crc32c(segment.subarray(start, position))) return undefined
      return { sequence: commit.sequence, truncateFrom, places, end }
    }
    if (type === TRUNCATE && length === 8) truncateFrom = getIndex(view, payload)
    else if (type === ENTRY && length >= ENTRY_HEAD) {
      const offset = payload + ENTRY_HEAD
      places.push({
        index: getIndex(view, payload),
        term: getIndex(view, payload + 8),
        offset,
        length: length - ENTRY_HEAD
      })
    } else return undefined
    position = end
  }
  return undefined
}

/**
 * Looks behind a place where no batch could be read for a commit frame that says that batches up to there were on the
 * disk. Returns the greatest sequence that one says was, 0 if none says anything.
 */
export function syncedBehind(segment: Uint8Array, segmentId: number, start: number): number {
  let synced = 0
  for (let position = start; position + FRAME_HEAD + COMMIT_BYTES <= segment.length; position += ALIGN) {
    if (segment[position] !== COMMIT) continue
    synced = Math.max(synced, readCommit(segment, segmentId, position)?.synced ?? 0)
  }
  return synced
}

function readCommit(
  segment: Uint8Array,
  segmentId: number,
  position: number
): { readonly crc: number; readonly sequence: number; readonly synced: number } | undefined {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength)
  const payload = position + FRAME_HEAD
  if (view.getUint32(position + 4) !== COMMIT_BYTES || payload + COMMIT_BYTES > segment.length) return undefined
  if (view.getUint32(payload + 20) !== commitCrc(segment.subarray(payload, payload + 20), segmentId)) return undefined
  return { crc: view.getUint32(payload), sequence: getIndex(view, payload + 4), synced: getIndex(view, payload + 12) }
}

/** With the segment in it: a frame of another file is not taken for one of this. */
function commitCrc(bytes: Uint8Array, segmentId: number): number {
  const id = new Uint8Array(8)
  setIndex(new DataView(id.buffer), 0, segmentId)
  return crc32c(bytes, crc32c(id))
}

const TWO_32 = 4_294_967_296

function setIndex(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / TWO_32))
  view.setUint32(at + 4, value % TWO_32)
}

function getIndex(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_32 + view.getUint32(at + 4)
}
