import { RaftError } from '../errors.ts'
import type { Folder, OpenFile } from './files.ts'
import { SEGMENT_HEAD, segmentHead } from './frames.ts'
import { fileOf, type SegmentName } from './manifest.ts'

/** A file of the log. */
export interface Segment extends SegmentName {
  readonly file: OpenFile
  readonly size: number
  /** Where the next batch goes. */
  end: number
}

/** Zeros that are written at once. */
const BLOCK = 1024 * 1024

/**
 * Fills a file with zeros, so that later writes change nothing but data.
 *
 * @throws RaftError `RAFT_STORAGE_FULL`
 */
export async function fill(file: OpenFile, size: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(size, BLOCK))
  try {
    for (let at = 0; at < size; at += BLOCK) await file.write(at, zeros.subarray(0, Math.min(BLOCK, size - at)))
    await file.sync()
  } catch (error) {
    throw fullOr(error)
  }
}

/**
 * Makes a segment. Its folder is still to be synced.
 *
 * @throws RaftError `RAFT_STORAGE_FULL`
 */
export async function makeSegment(folder: Folder, name: SegmentName, size: number): Promise<Segment> {
  const file = await folder.open(fileOf(name))
  try {
    await fill(file, size)
    await file.write(0, segmentHead(name.id, name.base))
    await file.sync()
  } catch (error) {
    await file.close()
    await folder.remove(fileOf(name))
    throw fullOr(error)
  }
  return { ...name, file, size, end: SEGMENT_HEAD }
}

function fullOr(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new RaftError('RAFT_STORAGE_FULL', 'no room for a new segment of the log', { cause: error })
}
