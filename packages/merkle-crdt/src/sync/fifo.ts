/** Slots given up before they are given back: shifting an array for each item is slow when it is long. */
const COMPACT_AT = 1024

/** First in, first out, also for very many. */
export class Fifo<T> {
  #items: T[] = []
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Puts items back before all others. */
  unshift(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#first)]
    this.#first = 0
  }

  peek(): T | undefined {
    return this.#items[this.#first]
  }

  /** The first `count` items, which stay. */
  first(count: number): T[] {
    return this.#items.slice(this.#first, this.#first + count)
  }

  take(): T | undefined {
    const item = this.#items[this.#first]
    if (this.#first < this.#items.length) this.#first += 1
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}
