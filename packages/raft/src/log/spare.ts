import type { Folder } from './files.ts'
import { SEGMENT_HEAD, segmentHead } from './frames.ts'
import { fileOf, type SegmentName } from './manifest.ts'
import { fill, makeSegment, type Segment } from './segment.ts'

const NAME = 'spare.tmp'

/** Keeps one segment ready, so that a full disk is noticed before it matters and a roll costs little. */
export class Spare {
  readonly #folder: Folder
  readonly #size: number
  readonly #onRoom: ((hasRoom: boolean) => void) | undefined
  #isReady = false
  #hasRoom = true
  #making: Promise<void> | undefined

  constructor(folder: Folder, size: number, onRoom: ((hasRoom: boolean) => void) | undefined) {
    this.#folder = folder
    this.#size = size
    this.#onRoom = onRoom
  }

  /** Makes it in the background, if it is not there; a failure is tried again with the next call. */
  prepare(): void {
    if (this.#isReady || this.#making !== undefined) return
    this.#making = this.#make()
      .then(
        () => {
          this.#isReady = true
          this.#tell(true)
        },
        () => {
          this.#tell(false)
        }
      )
      .finally(() => {
        this.#making = undefined
      })
  }

  /** The spare one under its name, or a new one. @throws RaftError `RAFT_STORAGE_FULL` */
  async take(name: SegmentName, size: number): Promise<Segment> {
    await this.#making
    if (!this.#isReady || size !== this.#size) return makeSegment(this.#folder, name, size)
    this.#isReady = false
    const file = await this.#folder.open(NAME)
    await file.write(0, segmentHead(name.id, name.base))
    await file.sync()
    await this.#folder.rename(NAME, fileOf(name))
    return { ...name, file, size, end: SEGMENT_HEAD }
  }

  /** Resolves when nothing is being made any more. */
  async close(): Promise<void> {
    await this.#making
  }

  async #make(): Promise<void> {
    const file = await this.#folder.open(NAME)
    try {
      await fill(file, this.#size)
    } catch (error) {
      await file.close()
      await this.#folder.remove(NAME)
      throw error
    }
    await file.close()
  }

  #tell(hasRoom: boolean): void {
    if (hasRoom === this.#hasRoom) return
    this.#hasRoom = hasRoom
    this.#onRoom?.(hasRoom)
  }
}
