/** The first retry comes this long after the failure; the time doubles with each further one. */
export const FIRST_RETRY_MS = 60_000
/** No retry is further off. Go peers retry once in an hour. */
export const MAX_RETRY_MS = 3_600_000
/** By which part a retry may come later, so that what failed together does not come back together. */
const JITTER = 0.2
/** No retry is further off, with that: one that seems to be was set before the clock was. */
export const MAX_WAIT_MS = MAX_RETRY_MS * (1 + JITTER)
/** Most retries held in memory; those beyond are found in the index again. */
const MAX_RETRIES = 100_000

/** When the next try is due after so many runs failed. */
export function retryAtMs(attempts: number, nowMs: number, random: () => number): number {
  const waitMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1))
  return Math.round(nowMs + waitMs * (1 + JITTER * random()))
}

interface Retry {
  readonly key: string
  readonly atMs: number
}

/**
 * Which CIDs to try again, and when. It holds a bounded number of them and turns others away; {@link isComplete} is
 * false then, and they are found by reading the index again.
 */
export class RetrySchedule {
  readonly #max: number
  /** A binary heap, the earliest first. */
  readonly #heap: Retry[] = []
  /** The valid time of each CID; entries of the heap with another time are leftovers. */
  readonly #times = new Map<string, number>()
  #complete = true

  constructor(max = MAX_RETRIES) {
    this.#max = max
  }

  get size(): number {
    return this.#times.size
  }

  /** False once a retry was turned away for want of room. */
  get isComplete(): boolean {
    return this.#complete
  }

  /** Says that the index is about to be read again, and every retry in it set again. */
  reset(): void {
    this.#heap.length = 0
    this.#times.clear()
    this.#complete = true
  }

  /** When the earliest is due. */
  get nextMs(): number | undefined {
    this.#skipLeftovers()
    return this.#heap[0]?.atMs
  }

  set(key: string, atMs: number): void {
    if (!this.#times.has(key) && this.#times.size >= this.#max) {
      this.#complete = false
      return
    }
    this.#times.set(key, atMs)
    // leftovers must not pile up
    if (this.#heap.length > 2 * this.#max) this.#rebuild()
    else this.#push({ key, atMs })
  }

  delete(key: string): void {
    this.#times.delete(key)
  }

  /** Takes one that is due. */
  takeDue(nowMs: number): string | undefined {
    const next = this.nextMs
    if (next === undefined || next > nowMs) return undefined
    const retry = this.#pop()
    if (retry !== undefined) this.#times.delete(retry.key)
    return retry?.key
  }

  #skipLeftovers(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#times.get(first.key) === first.atMs) return
      this.#pop()
    }
  }

  #rebuild(): void {
    this.#heap.length = 0
    for (const [key, atMs] of this.#times) this.#push({ key, atMs })
  }

  #push(retry: Retry): void {
    let at = this.#heap.push(retry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#time(parent) <= retry.atMs) break
      this.#swap(at, parent)
      at = parent
    }
  }

  #pop(): Retry | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last === undefined || last === first) return first
    this.#heap[0] = last
    let at = 0
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const least = this.#time(right) < this.#time(left) ? right : left
      if (this.#time(least) >= last.atMs) return first
      this.#swap(at, least)
      at = least
    }
  }

  #time(at: number): number {
    return this.#heap[at]?.atMs ?? Infinity
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]]
    if (x === undefined || y === undefined) return
    this.#heap[a] = y
    this.#heap[b] = x
  }
}
