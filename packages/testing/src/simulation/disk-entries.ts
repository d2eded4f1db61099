/** An entry of a disk: the text of its key (one character for each byte) and its value. */
export type DiskEntry = readonly [text: string, value: Uint8Array]

/** Entries in the order of the bytes of their keys. */
export class DiskEntries {
  readonly #values = new Map<string, Uint8Array>()
  readonly #order: string[] = []

  get size(): number {
    return this.#order.length
  }

  get(text: string): Uint8Array | undefined {
    return this.#values.get(text)
  }

  /** Sets an entry, or removes it (`undefined`); returns what was there. */
  set(text: string, value: Uint8Array | undefined): Uint8Array | undefined {
    const former = this.#values.get(text)
    if (value === undefined) {
      if (this.#values.delete(text)) this.#order.splice(this.#lowerBound(text), 1)
    } else {
      if (former === undefined) this.#order.splice(this.#lowerBound(text), 0, text)
      this.#values.set(text, value)
    }
    return former
  }

  /** Entries from `gte` on and below `lt`, at most `limit`: a snapshot. */
  range(gte: string, lt: string | undefined, limit: number): DiskEntry[] {
    const from = this.#lowerBound(gte)
    const to = lt === undefined ? this.#order.length : this.#lowerBound(lt)
    const found: DiskEntry[] = []
    for (let at = from; at < to && found.length < limit; at += 1) {
      const text = this.#order[at]
      const value = text === undefined ? undefined : this.#values.get(text)
      if (text !== undefined && value !== undefined) found.push([text, value])
    }
    return found
  }

  /** All entries in order, without a snapshot. */
  *[Symbol.iterator](): Generator<DiskEntry> {
    for (const text of this.#order) {
      const value = this.#values.get(text)
      if (value !== undefined) yield [text, value]
    }
  }

  /** Where the first key not below `text` is, or would be. */
  #lowerBound(text: string): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const key = this.#order[middle]
      if (key !== undefined && key < text) low = middle + 1
      else high = middle
    }
    return low
  }
}
