import type { Publisher } from './publisher.ts'
import type { Clock } from '../ports.ts'

/** Smaller blocks are not made on purpose: each costs every replica a fetch and a merge. */
const MIN_HALF = 32
/** Share of the last measurement in the averages. */
const WEIGHT = 1 / 8

/**
 * Decides how many changes go into the next block, and whether it is formed while the last one is at the disk.
 *
 * Callers that wait for their answers are all in one block or in none, so nothing would be left to form meanwhile: two
 * halves take turns instead, one at the disk, one being formed. That costs a second fsync, so it pays only if an fsync
 * takes less time than forming the whole.
 */
export class OverlapRule {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #fixed: boolean | undefined
  /** Averages of the last blocks. */
  #formingMs = 0
  #formed = 0
  #writingMs: number | undefined
  /** Whether the last block was one of two halves. */
  #isHalf = false

  /** @param fixed - `undefined`: by what is measured */
  constructor(clock: Pick<Clock, 'nowMs'>, fixed: boolean | undefined) {
    this.#clock = clock
    this.#fixed = fixed
  }

  /** A block of so many changes is being formed; call what it returns when it is. */
  forming(changes: number, maxChanges: number): () => void {
    this.#isHalf = maxChanges < Infinity
    const startMs = this.#clock.nowMs()
    return () => {
      this.#formingMs += (this.#clock.nowMs() - startMs - this.#formingMs) * WEIGHT
      this.#formed += (changes - this.#formed) * WEIGHT
    }
  }

  /** A block is being written; call what it returns when it is. */
  writing(): () => void {
    const startMs = this.#clock.nowMs()
    return () => {
      const tookMs = this.#clock.nowMs() - startMs
      this.#writingMs = tookMs * WEIGHT + (this.#writingMs ?? tookMs) * (1 - WEIGHT)
    }
  }

  /**
   * How many changes the next block may have, `Infinity` for all; 0: it is better formed when the block at the disk is
   * written.
   *
   * @param inFlight - changes of the block at the disk, 0 if there is none
   */
  maxChanges({ queued, isBatching }: Pick<Publisher, 'queued' | 'isBatching'>, inFlight: number): number {
    const half = Math.ceil((queued + inFlight) / 2)
    const isOverlapping = this.#fixed ?? (this.#pays(queued + inFlight) && (isBatching || half >= MIN_HALF))
    if (isBatching) return inFlight === 0 || isOverlapping ? Infinity : 0
    if (inFlight === 0) return isOverlapping && !this.#isHalf && half >= MIN_HALF ? half : Infinity
    // what is less waits for more: it would cost an fsync as well
    return isOverlapping && queued >= Math.min(half, inFlight) ? half : 0
  }

  /** Whether forming so many changes takes longer than a write, most of which is the fsync. */
  #pays(changes: number): boolean {
    return this.#writingMs === undefined || this.#writingMs * this.#formed <= this.#formingMs * changes
  }
}
