import type { Pages } from '@cluster/api'

/** What two ordered listings say of one key; at least one of the sides is there. */
export interface Joined<A, B> {
  readonly key: string
  readonly left: A | undefined
  readonly right: B | undefined
}

/**
 * Merges two listings that are ordered by key without repeats, holding one page of each. Breaking off frees both.
 *
 * @throws {Error} when a listing is out of order: acting on it could unpin what is wanted
 */
export async function* join<A, B>(
  left: Pages<A>,
  keyOfLeft: (item: A) => string,
  right: Pages<B>,
  keyOfRight: (item: B) => string
): AsyncGenerator<readonly Joined<A, B>[], void, undefined> {
  const a = new Cursor(left, keyOfLeft)
  const b = new Cursor(right, keyOfRight)
  try {
    while ((await a.fill()) || (await b.fill())) {
      await b.fill()
      const page: Joined<A, B>[] = []
      while ((a.head !== undefined || a.ended) && (b.head !== undefined || b.ended)) {
        const [x, y] = [a.head, b.head]
        if (x === undefined && y === undefined) break
        const takeLeft = x !== undefined && (y === undefined || x.key <= y.key)
        const takeRight = y !== undefined && (x === undefined || y.key <= x.key)
        page.push({
          key: (takeLeft ? x : y)?.key ?? '',
          left: takeLeft ? x.item : undefined,
          right: takeRight ? y.item : undefined
        })
        if (takeLeft) a.advance()
        if (takeRight) b.advance()
      }
      if (page.length > 0) yield page
    }
  } finally {
    await a.close()
    await b.close()
  }
}

class Cursor<T> {
  readonly #pages: AsyncIterator<readonly T[]>
  readonly #keyOf: (item: T) => string
  #page: readonly T[] = []
  #at = 0
  #last: string | undefined
  ended = false
  /** The item that comes next; none when the page is used up. */
  head: { readonly key: string; readonly item: T } | undefined

  constructor(pages: Pages<T>, keyOf: (item: T) => string) {
    this.#pages = pages[Symbol.asyncIterator]()
    this.#keyOf = keyOf
  }

  /** Gets the next page if this one is used up; false at the end. */
  async fill(): Promise<boolean> {
    while (this.head === undefined && !this.ended) {
      const next = await this.#pages.next()
      if (next.done === true) {
        this.ended = true
      } else {
        this.#page = next.value
        this.#at = -1
        this.advance()
      }
    }
    return this.head !== undefined
  }

  advance(): void {
    this.#at += 1
    const item = this.#page[this.#at]
    if (item === undefined) {
      this.head = undefined
      return
    }
    const key = this.#keyOf(item)
    if (this.#last !== undefined && key <= this.#last)
      throw new Error(`not in pinset order: ${key} after ${this.#last}`)
    this.#last = key
    this.head = { key, item }
  }

  async close(): Promise<void> {
    if (!this.ended) await this.#pages.return?.()
  }
}
