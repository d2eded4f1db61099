/** Changes that are noted one by one; beyond them any CID may have changed. */
const MAX_NOTED = 65_536

/**
 * Of which CIDs the index changed since this began: for those who act on what IPFS said before. Unlike the times in the
 * records it knows of removals, and does not mind a clock that is set.
 */
export class ChangedKeys {
  readonly #keys = new Set<string>()
  readonly #onEnd: () => void

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  note(key: string): void {
    if (this.#keys.size <= MAX_NOTED) this.#keys.add(key)
  }

  /** Whether there were more changes than are noted. */
  get isFull(): boolean {
    return this.#keys.size > MAX_NOTED
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  end(): void {
    this.#onEnd()
  }
}
