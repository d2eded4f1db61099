/** A priority queue: `pop` gives the element that `before` puts first. */
export class BinaryHeap<T> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  push(item: T): void {
    const items = this.#items
    let index = items.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent]
      if (above === undefined || !this.#before(item, above)) break
      items[index] = above
      index = parent
    }
    items[index] = item
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  /** Removes all that `keep` refuses. */
  filter(keep: (item: T) => boolean): void {
    const kept = this.#items.filter(keep)
    this.#items.length = 0
    for (const item of kept) this.push(item)
  }

  pop(): T | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      let lower = items[child]
      if (lower === undefined) break
      const right = items[child + 1]
      if (right !== undefined && this.#before(right, lower)) {
        child += 1
        lower = right
      }
      if (!this.#before(lower, last)) break
      items[index] = lower
      index = child
    }
    items[index] = last
    return top
  }
}
