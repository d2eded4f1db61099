import type { StableState } from '../core/output.ts'
import type { LogEntry } from '../entry.ts'
import { RaftError } from '../errors.ts'
import type { RaftLog, TermRun } from '../ports.ts'
import { openEntry } from '../wire/entry.ts'
import type { Folder, OpenFile } from './files.ts'
import { batchLength, encodeBatch, SEGMENT_HEAD } from './frames.ts'
import { decodeManifest, encodeManifest, fileOf, type Manifest } from './manifest.ts'
import type { Places } from './places.ts'
import { RecordPair } from './record-pair.ts'
import { replay } from './replay.ts'
import { makeSegment, type Segment } from './segment.ts'
import { Spare } from './spare.ts'
import { decodeStable, encodeStable, NO_STABLE_STATE } from './stable.ts'
import type { TermRuns } from './term-runs.ts'

/** How a {@link SegmentLog} works. */
export interface SegmentLogOptions {
  /** Bytes of a segment, written with zeros beforehand so that a sync need not change what the file system knows. */
  readonly segmentBytes?: number
  /** Told when no segment can be made for lack of room, and when one can again. */
  readonly onRoom?: (hasRoom: boolean) => void
}

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024

/**
 * A log in segments that are written beforehand: one write and one sync for a batch, whatever is in it. What is torn is
 * told from what is damaged when it is opened; after an error nothing is written any more.
 *
 * @see wire-raft.md §6.3
 */
export class SegmentLog implements RaftLog {
  readonly #folder: Folder
  readonly #stablePair: RecordPair
  readonly #manifestPair: RecordPair
  readonly #segmentBytes: number
  readonly #places: Places
  readonly #terms: TermRuns
  readonly #spare: Spare
  #segments: Segment[]
  #stable: StableState
  #sequence: number
  #nextId: number
  #failure: Error | undefined

  private constructor(parts: {
    readonly folder: Folder
    readonly stable: RecordPair
    readonly manifest: RecordPair
    readonly places: Places
    readonly terms: TermRuns
    readonly segments: Segment[]
    readonly sequence: number
    readonly options: SegmentLogOptions
  }) {
    const { segmentBytes = DEFAULT_SEGMENT_BYTES, onRoom } = parts.options
    this.#folder = parts.folder
    this.#stablePair = parts.stable
    this.#manifestPair = parts.manifest
    this.#places = parts.places
    this.#terms = parts.terms
    this.#segments = parts.segments
    this.#sequence = parts.sequence
    this.#segmentBytes = segmentBytes
    this.#nextId = Math.max(...parts.segments.map(({ id }) => id)) + 1
    this.#stable = parts.stable.payload === undefined ? NO_STABLE_STATE : decodeStable(parts.stable.payload)
    this.#spare = new Spare(parts.folder, segmentBytes, onRoom)
  }

  /**
   * Opens the log of a folder, or makes an empty one.
   *
   * @throws RaftError `RAFT_CORRUPT` when something that was acknowledged is missing or damaged
   */
  static async open(folder: Folder, options: SegmentLogOptions = {}): Promise<SegmentLog> {
    const opened: OpenFile[] = []
    const tracked: Folder = {
      ...folder,
      open: async (name) => {
        const file = await folder.open(name)
        opened.push(file)
        return file
      }
    }
    try {
      return await SegmentLog.#read(folder, tracked, options)
    } catch (error) {
      for (const file of opened) await file.close().catch(() => undefined)
      throw error
    }
  }

  static async #read(whole: Folder, folder: Folder, options: SegmentLogOptions): Promise<SegmentLog> {
    const stable = await RecordPair.open(folder, 'stable')
    const manifestPair = await RecordPair.open(folder, 'manifest')
    // names that a killed process made must stay as well
    await folder.sync()
    const names = await folder.list()
    const segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES
    let manifest: Manifest
    if (manifestPair.payload === undefined) {
      // a log that was being made: it never held anything, or its manifest would be there
      if (stable.payload !== undefined) throw new RaftError('RAFT_CORRUPT', 'the manifest of the log is missing')
      manifest = { firstIndex: 1, segments: [{ id: 1, base: 1 }] }
      for (const name of names) if (name.endsWith('.seg')) await folder.remove(name)
      const segment = await makeSegment(folder, { id: 1, base: 1 }, segmentBytes)
      await segment.file.close()
      await folder.sync()
      await manifestPair.write(encodeManifest(manifest))
    } else manifest = decodeManifest(manifestPair.payload)
    const { segments, places, terms, sequence } = await replay(folder, manifest)
    const known = new Set(manifest.segments.map(fileOf))
    for (const name of names) {
      if ((name.endsWith('.seg') && !known.has(name)) || name.endsWith('.tmp')) await folder.remove(name)
    }
    return new SegmentLog({ folder: whole, stable, manifest: manifestPair, places, terms, segments, sequence, options })
  }

  get firstIndex(): number {
    return this.#places.firstIndex
  }

  get lastIndex(): number {
    return this.#places.lastIndex
  }

  termAt(index: number): number | undefined {
    return index < this.firstIndex || index > this.lastIndex ? undefined : this.#terms.at(index)
  }

  terms(): readonly TermRun[] {
    return [...this.#terms.runs]
  }

  getStable(): StableState {
    return this.#stable
  }

  async read(from: number, to: number, maxBytes: number): Promise<LogEntry[] | undefined> {
    const first = this.#places.at(from)
    if (first === undefined) return undefined
    // what stands behind each other in one segment is read at once
    const run: { readonly index: number; readonly offset: number; readonly length: number }[] = []
    let bytes = 0
    for (let index = from; index <= to; index++) {
      const place = this.#places.at(index)
      if (place === undefined || place.segment !== first.segment || place.offset < first.offset) break
      bytes += place.length
      if (run.length > 0 && bytes > maxBytes) break
      run.push({ index, offset: place.offset, length: place.length })
    }
    const last = run.at(-1)
    const segment = this.#segments.find(({ id }) => id === first.segment)
    if (last === undefined || segment === undefined) return undefined
    const terms = run.map(({ index }) => this.termAt(index))
    const block = await segment.file.read(first.offset, last.offset + last.length - first.offset)
    return run.map(({ index, offset, length }, at) => {
      const start = offset - first.offset
      return checkedEntry(block.slice(start, start + length), index, terms[at])
    })
  }

  append(entries: readonly LogEntry[], truncateFrom?: number): Promise<void> {
    return this.#guard(async () => {
      const next = truncateFrom ?? this.lastIndex + 1
      if (entries.length > 0 && entries[0]?.index !== next) {
        throw new RangeError(`entry ${entries[0]?.index ?? 0} cannot follow ${next - 1}`)
      }
      const length = batchLength(entries, truncateFrom)
      const tail = await this.#tailFor(length)
      const at = { segment: tail.id, start: tail.end, sequence: this.#sequence + 1, synced: this.#sequence }
      const { bytes, places } = encodeBatch(entries, truncateFrom, at)
      await tail.file.write(tail.end, bytes)
      await tail.file.sync()
      tail.end += bytes.length
      this.#sequence += 1
      if (truncateFrom !== undefined) {
        this.#places.truncateFrom(truncateFrom)
        this.#terms.truncateFrom(truncateFrom)
      }
      for (const place of places) {
        this.#places.append(tail.id, place.offset, place.length)
        this.#terms.append(place.index, place.term)
      }
      if (tail.end * 2 > this.#segmentBytes) this.#spare.prepare()
    })
  }

  truncateHead(upTo: number): Promise<void> {
    return this.#guard(async () => {
      const firstIndex = Math.min(upTo, this.lastIndex) + 1
      if (firstIndex <= this.firstIndex) return
      const needed = this.#places.at(firstIndex)?.segment ?? this.#segments.at(-1)?.id
      const at = this.#segments.findIndex(({ id }) => id === needed)
      const gone = this.#segments.slice(0, at)
      const kept = this.#segments.slice(at)
      await this.#manifestPair.write(encodeManifest({ firstIndex, segments: kept }))
      this.#segments = kept
      this.#places.truncateHead(firstIndex)
      this.#terms.truncateHead(firstIndex, this.lastIndex)
      await this.#removeAll(gone)
    })
  }

  reset(nextIndex: number): Promise<void> {
    return this.#guard(async () => {
      const gone = this.#segments
      const segment = await this.#newSegment(nextIndex, this.#segmentBytes)
      await this.#manifestPair.write(encodeManifest({ firstIndex: nextIndex, segments: [segment] }))
      this.#segments = [segment]
      this.#places.reset(nextIndex)
      this.#terms.clear()
      await this.#removeAll(gone)
    })
  }

  setStable(state: StableState): Promise<void> {
    return this.#guard(async () => {
      await this.#stablePair.write(encodeStable(state))
      this.#stable = state
    })
  }

  async close(): Promise<void> {
    this.#failure ??= new RaftError('RAFT_STOPPED', 'the log is closed')
    await this.#spare.close()
    await this.#stablePair.close()
    await this.#manifestPair.close()
    for (const { file } of this.#segments) await file.close()
  }

  /** The segment that takes a batch of so many bytes: the last one, or a new one. */
  async #tailFor(length: number): Promise<Segment> {
    const tail = this.#segments.at(-1)
    if (tail !== undefined && tail.end + length <= tail.size) return tail
    const segment = await this.#newSegment(this.lastIndex + 1, Math.max(this.#segmentBytes, SEGMENT_HEAD + length))
    const { firstIndex } = this
    await this.#manifestPair.write(encodeManifest({ firstIndex, segments: [...this.#segments, segment] }))
    this.#segments.push(segment)
    return segment
  }

  async #newSegment(base: number, size: number): Promise<Segment> {
    const id = this.#nextId++
    const segment = await this.#spare.take({ id, base }, size)
    await this.#folder.sync()
    return segment
  }

  async #removeAll(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      await segment.file.close()
      await this.#folder.remove(fileOf(segment))
    }
  }

  /** After an error nobody knows what is on the disk: nothing is written any more. */
  async #guard(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) {
      throw new RaftError('RAFT_STORAGE_FAILED', 'the log failed before', { cause: this.#failure })
    }
    try {
      await work()
    } catch (error) {
      if (error instanceof RaftError && error.code === 'RAFT_STORAGE_FULL') throw error
      if (error instanceof RangeError) throw error
      this.#failure = error instanceof Error ? error : new Error(String(error))
      throw new RaftError('RAFT_STORAGE_FAILED', `the log cannot be written: ${this.#failure.message}`, {
        cause: error
      })
    }
  }
}

function checkedEntry(encoded: Uint8Array, index: number, term: number | undefined): LogEntry {
  let entry: LogEntry
  try {
    entry = openEntry(encoded)
  } catch (error) {
    throw new RaftError('RAFT_CORRUPT', `entry ${index} cannot be read`, { cause: error })
  }
  if (entry.index !== index || entry.term !== term) {
    throw new RaftError('RAFT_CORRUPT', `entry ${entry.index}/${entry.term} stands where ${index}/${term ?? 0} should`)
  }
  return entry
}
