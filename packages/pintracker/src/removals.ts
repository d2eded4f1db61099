/** Removals that are noted one by one; beyond them any CID may have been removed. */
const MAX_NOTED = 65_536

/** Which CIDs were taken out of the index since this began: of them it keeps no time by which to tell. */
export class Removals {
  readonly #keys = new Set<string>()
  readonly #onEnd: () => void

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  note(key: string): void {
    if (this.#keys.size <= MAX_NOTED) this.#keys.add(key)
  }

  /** Whether a CID was removed, or may have been. */
  mayHave(key: string): boolean {
    return this.#keys.size > MAX_NOTED || this.#keys.has(key)
  }

  end(): void {
    this.#onEnd()
  }
}
