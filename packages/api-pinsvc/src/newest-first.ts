import type { StatusOfPin } from './pin-status.ts'
import { byNewest } from './served-pin.ts'

/** Some of the matches of a listing, and how many there are. */
export interface Listed {
  readonly count: number
  readonly results: readonly StatusOfPin[]
}

/** Counts what is added and keeps the newest of it. */
export class NewestFirst {
  readonly #limit: number
  #kept: StatusOfPin[] = []
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(found: StatusOfPin): void {
    this.#count += 1
    if (this.#limit === 0) return
    const last = this.#kept.at(-1)
    const isFull = this.#kept.length >= this.#limit
    if (isFull && last !== undefined && byNewest(found.pin, last.pin) >= 0) return
    this.#kept.splice(this.#placeOf(found), 0, found)
    if (isFull) this.#kept.pop()
  }

  get listed(): Listed {
    return { count: this.#count, results: this.#kept }
  }

  #placeOf({ pin }: StatusOfPin): number {
    let [low, high] = [0, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const there = this.#kept[middle]
      if (there !== undefined && byNewest(there.pin, pin) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
