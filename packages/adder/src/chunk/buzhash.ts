import { BUZHASH_TABLE } from './buzhash-table.ts'
import type { Cutter } from './cutter.ts'

const MIN_SIZE = 131_072
const MAX_SIZE = 524_288
const WINDOW = 32
const MASK = 2 ** 17 - 1

/**
 * Content-defined chunks by a cyclic polynomial hash of the last 32 bytes.
 *
 * @see behaviours.md §6.4.1, Appendix A
 */
export class BuzhashCutter implements Cutter {
  readonly maxSize = MAX_SIZE
  #state = 0
  /** Where the window begins, from the start of the chunk; 0: the chunk is too short yet for a window. */
  #window = 0

  cut(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from
    // The window that begins at i is followed by a byte, which the next one takes in; so more is needed than the least.
    if (length <= MIN_SIZE) return 0
    let state = this.#state
    let window = this.#window
    if (window === 0) {
      window = MIN_SIZE - WINDOW
      for (let i = from + window; i < from + MIN_SIZE; i++) state = rotate(state) ^ wordOf(bytes[i])
    }
    const end = Math.min(length, MAX_SIZE) - WINDOW
    let i = from + window
    for (const last = from + end; i < last && (state & MASK) !== 0; i++) {
      state = rotate(state) ^ wordOf(bytes[i]) ^ wordOf(bytes[i + WINDOW])
    }
    window = i - from
    if ((state & MASK) === 0 || window + WINDOW === MAX_SIZE) {
      this.#state = 0
      this.#window = 0
      return window + WINDOW
    }
    this.#state = state
    this.#window = window
    return 0
  }
}

const rotate = (state: number): number => (state << 1) | (state >>> 31)
const wordOf = (byte = 0): number => BUZHASH_TABLE[byte] ?? 0
