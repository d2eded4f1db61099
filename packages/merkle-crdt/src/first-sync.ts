/**
 * Whether the store began empty and takes in for the first time what others have. Then single changes are not reported:
 * one resync follows.
 *
 * @see spec/wire-crdt.md §7.3 P9
 */
export class FirstSync {
  #isRunning = false
  #merged = 0

  /** The store was opened. */
  loaded(headCount: number): void {
    this.#isRunning = headCount === 0
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Blocks of others were merged. */
  add(blocks: number): void {
    if (this.#isRunning) this.#merged += blocks
  }

  /** A local change was made; of others nothing is known so far, so there is nothing to catch up with. */
  published(queuedJobs: number): void {
    if (this.#merged + queuedJobs === 0) this.#isRunning = false
  }

  /**
   * Everything known is merged.
   *
   * @returns whether that ends the first sync
   */
  finish(): boolean {
    if (!this.#isRunning || this.#merged === 0) return false
    this.#isRunning = false
    return true
  }
}
