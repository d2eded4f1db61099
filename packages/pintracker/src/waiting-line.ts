import type { Entry } from './operation.ts'

/**
 * Operations in the order of their coming, linked through themselves: a million waiting need no more memory than they
 * are, and any of them leaves at once.
 */
export class WaitingLine {
  #first: Entry | undefined
  #last: Entry | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): Entry | undefined {
    return this.#first
  }

  push(entry: Entry): void {
    entry.line = this
    entry.before = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.behind = entry
    this.#last = entry
    this.#size += 1
  }

  remove(entry: Entry): void {
    if (entry.line !== this) return
    const { before, behind } = entry
    if (before === undefined) this.#first = behind
    else before.behind = behind
    if (behind === undefined) this.#last = before
    else behind.before = before
    entry.line = entry.before = entry.behind = undefined
    this.#size -= 1
  }
}
