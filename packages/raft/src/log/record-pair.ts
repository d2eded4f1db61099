import { RaftError } from '../errors.ts'
import { crc32c } from './crc32c.ts'
import type { Folder, OpenFile } from './files.ts'

const MAGIC = 0x52465431
/** Magic, length, sequence. */
const HEAD = 16
const CRC = 4
/** Far more than the segments of any log need. */
const MAX_PAYLOAD = 16 * 1024 * 1024

/**
 * One small record in two files, written in turn: whatever a crash leaves of the one that is being written, the other
 * one is whole. The valid one with the higher sequence counts.
 *
 * @see wire-raft.md §6.3
 */
export class RecordPair {
  readonly #files: readonly [OpenFile, OpenFile]
  #sequence: number
  /** Which file is written next. */
  #next: 0 | 1
  #payload: Uint8Array | undefined

  private constructor(files: readonly [OpenFile, OpenFile], sequence: number, next: 0 | 1, payload?: Uint8Array) {
    this.#files = files
    this.#sequence = sequence
    this.#next = next
    this.#payload = payload
  }

  /**
   * @throws RaftError `RAFT_CORRUPT` when there is something in the files, and nothing valid
   */
  static async open(folder: Folder, name: string): Promise<RecordPair> {
    const files = [await folder.open(`${name}.a`), await folder.open(`${name}.b`)] as const
    // a process that was killed may have written what it did not sync: what is read now must stay
    for (const file of files) await file.sync()
    const [a, b] = [await readRecord(files[0]), await readRecord(files[1])]
    const found =
      a.record !== undefined && b.record !== undefined
        ? a.record.sequence > b.record.sequence
          ? a
          : b
        : a.record
          ? a
          : b
    if (found.record === undefined) {
      // the first write makes `a`: what it left half done was never told; both there and bad is something else
      if (a.isWritten && b.isWritten) {
        throw new RaftError(
          'RAFT_CORRUPT',
          `neither ${name}.a nor ${name}.b can be read: restore or remove the whole folder`
        )
      }
      return new RecordPair(files, 0, 0)
    }
    return new RecordPair(files, found.record.sequence, found === a ? 1 : 0, found.record.payload)
  }

  /** What was written last; undefined if nothing was. */
  get payload(): Uint8Array | undefined {
    return this.#payload
  }

  /** Durable when it resolves. */
  async write(payload: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(HEAD + payload.length + CRC)
    const view = new DataView(bytes.buffer)
    this.#sequence += 1
    view.setUint32(0, MAGIC)
    view.setUint32(4, payload.length)
    view.setBigUint64(8, BigInt(this.#sequence))
    bytes.set(payload, HEAD)
    view.setUint32(HEAD + payload.length, crc32c(bytes.subarray(0, HEAD + payload.length)))
    const file = this.#files[this.#next]
    await file.write(0, bytes)
    await file.sync()
    this.#next = this.#next === 0 ? 1 : 0
    this.#payload = payload
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close()
  }
}

interface Found {
  readonly isWritten: boolean
  readonly record: { readonly sequence: number; readonly payload: Uint8Array } | undefined
}

async function readRecord(file: OpenFile): Promise<Found> {
  const head = await file.read(0, HEAD)
  const isWritten = head.some((byte) => byte !== 0)
  const bad = { isWritten, record: undefined }
  if (head.length < HEAD) return bad
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const length = view.getUint32(4)
  if (view.getUint32(0) !== MAGIC || length > MAX_PAYLOAD) return bad
  const whole = await file.read(0, HEAD + length + CRC)
  if (whole.length < HEAD + length + CRC) return bad
  const body = whole.subarray(0, HEAD + length)
  const crc = new DataView(whole.buffer, whole.byteOffset).getUint32(HEAD + length)
  if (crc32c(body) !== crc) return bad
  return { isWritten, record: { sequence: Number(view.getBigUint64(8)), payload: body.slice(HEAD) } }
}
