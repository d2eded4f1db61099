import { RaftError } from '../errors.ts'
import type { Folder } from './files.ts'
import { isSegmentHead, readBatch, SEGMENT_HEAD, syncedBehind, type Batch } from './frames.ts'
import { fileOf, type Manifest, type SegmentName } from './manifest.ts'
import { Places } from './places.ts'
import type { Segment } from './segment.ts'
import { TermRuns } from './term-runs.ts'

/** What the files of a log hold. */
interface Replayed {
  readonly segments: Segment[]
  readonly places: Places
  readonly terms: TermRuns
  /** Of the last batch. */
  readonly sequence: number
}

/**
 * Reads all segments of a log, checking every byte.
 *
 * A batch at the end that is not whole was never acknowledged: it is wiped out. Unless something tells that it had been
 * on the disk: then acknowledged entries are lost, and the log is not opened.
 *
 * @throws RaftError `RAFT_CORRUPT`
 * @see wire-raft.md §6.3
 */
export async function replay(folder: Folder, manifest: Manifest): Promise<Replayed> {
  const names = new Set(await folder.list())
  const places = new Places(manifest.segments[0]?.base ?? manifest.firstIndex)
  const terms = new TermRuns()
  const segments: Segment[] = []
  let sequence: number | undefined
  for (const [at, name] of manifest.segments.entries()) {
    if (!names.has(fileOf(name))) throw corrupt(name, 'the file is missing')
    const file = await folder.open(fileOf(name))
    const size = await file.size()
    const bytes = await file.read(0, size)
    if (!isSegmentHead(bytes, name.id, name.base)) throw corrupt(name, 'it does not begin as it should')
    let end = SEGMENT_HEAD
    for (;;) {
      const batch = readBatch(bytes, name.id, end)
      if (batch === undefined || (sequence !== undefined && batch.sequence !== sequence + 1)) break
      take(batch, name, places, terms)
      sequence = batch.sequence
      end = batch.end
    }
    const next = manifest.segments[at + 1]
    if (next !== undefined && places.lastIndex !== next.base - 1) {
      throw corrupt(name, `it ends with entry ${places.lastIndex}, and ${next.base - 1} was on the disk`)
    }
    if (syncedBehind(bytes, name.id, end) > (sequence ?? 0)) {
      throw corrupt(name, `a batch after entry ${places.lastIndex} is damaged, and it was on the disk`)
    }
    if (next === undefined) {
      await wipe(file, bytes, end)
      // a process that was killed may have written what it did not sync: what counts now must stay
      await file.sync()
    }
    segments.push({ ...name, file, size, end })
  }
  const { firstIndex } = manifest
  if (places.firstIndex > firstIndex) {
    throw new RaftError('RAFT_CORRUPT', `the log begins with entry ${places.firstIndex} instead of ${firstIndex}`)
  }
  places.truncateHead(firstIndex)
  terms.truncateHead(firstIndex, places.lastIndex)
  return { segments, places, terms, sequence: sequence ?? 0 }
}

function take({ truncateFrom, places: found }: Batch, name: SegmentName, places: Places, terms: TermRuns): void {
  if (truncateFrom !== undefined) {
    if (truncateFrom < places.firstIndex) places.reset(truncateFrom)
    else places.truncateFrom(truncateFrom)
    terms.truncateFrom(truncateFrom)
  }
  for (const { index, term, offset, length } of found) {
    if (index !== places.lastIndex + 1) throw corrupt(name, `entry ${index} follows entry ${places.lastIndex}`)
    places.append(name.id, offset, length)
    terms.append(index, term)
  }
}

/** Nothing of an unfinished batch stays: later ones must not seem to continue with it. */
async function wipe(file: Segment['file'], bytes: Uint8Array, from: number): Promise<void> {
  let end = bytes.length
  while (end > from && bytes[end - 1] === 0) end--
  if (end === from) return
  await file.write(from, new Uint8Array(end - from))
}

function corrupt(name: SegmentName, what: string): RaftError {
  const text = `${fileOf(name)}: ${what}. Restore the folder, or remove this server and let it join again with an empty one`
  return new RaftError('RAFT_CORRUPT', text)
}
