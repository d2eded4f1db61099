/** Pairs ordered by the bytes of their keys. Reading a range copies references, which makes it a snapshot. */
export class SortedEntries {
  readonly #values = new Map<string, Uint8Array>()
  // latin1 text of the keys' UTF-8 bytes, ascending: compares as the bytes do
  readonly #order: string[] = []

  get size(): number {
    return this.#order.length
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(bytesText(key))
  }

  set(key: string, value: Uint8Array): void {
    const text = bytesText(key)
    if (!this.#values.has(text)) this.#order.splice(this.#lowerBound(text), 0, text)
    this.#values.set(text, value)
  }

  delete(key: string): void {
    const text = bytesText(key)
    if (this.#values.delete(text)) this.#order.splice(this.#lowerBound(text), 1)
  }

  /** The pairs from `gte` on and below `lt`, at most `limit`. */
  range(gte: string, lt: string | undefined, limit: number): (readonly [string, Uint8Array])[] {
    const from = this.#lowerBound(bytesText(gte))
    const to = lt === undefined ? this.#order.length : this.#lowerBound(bytesText(lt))
    return this.#order.slice(from, Math.min(to, from + limit)).map((text) => {
      const value = this.#values.get(text)
      if (value === undefined) throw new Error('order and values differ')
      return [Buffer.from(text, 'latin1').toString(), value]
    })
  }

  /** Where the first key not below `text` is, or would be. */
  #lowerBound(text: string): number {
    let low = 0
    let high = this.#order.length
    const last = this.#order[high - 1]
    if (last === undefined || last < text) return high // keys often come in order
    while (low < high) {
      const middle = (low + high) >>> 1
      const key = this.#order[middle]
      if (key !== undefined && key < text) low = middle + 1
      else high = middle
    }
    return low
  }
}

function bytesText(key: string): string {
  return Buffer.from(key).toString('latin1')
}
