import { RaftError } from '../errors.ts'

/** A call that waits for its entries. */
export interface Waiter {
  readonly commands: readonly Uint8Array[]
  readonly results: unknown[]
  /** Entries that are not applied yet. */
  left: number
  readonly resolve: (results: readonly unknown[]) => void
  readonly reject: (error: Error) => void
}

interface Slot {
  readonly waiter: Waiter
  readonly at: number
  readonly term: number
}

/** Who waits for which entry. */
export class Waiting {
  readonly #slots = new Map<number, Slot>()

  get size(): number {
    return this.#slots.size
  }

  /** The commands of a call are in the log from this index on. */
  place(waiter: Waiter, first: number, term: number): void {
    for (let at = 0; at < waiter.commands.length; at++) this.#slots.set(first + at, { waiter, at, term })
  }

  /** An entry was applied. */
  applied(index: number, term: number, result: unknown): void {
    const slot = this.#slots.get(index)
    if (slot === undefined) return
    this.#slots.delete(index)
    const { waiter, at } = slot
    if (slot.term !== term) {
      waiter.reject(lost())
      return
    }
    waiter.results[at] = result
    waiter.left -= 1
    if (waiter.left === 0) waiter.resolve(waiter.results)
  }

  /** Entries beyond this one may never be committed, as far as this peer can tell. */
  lose(beyond: number): void {
    for (const [index, { waiter }] of this.#slots) {
      if (index <= beyond) continue
      this.#slots.delete(index)
      waiter.reject(lost())
    }
  }

  /** The state jumped to this entry: what those before led to is not known here. */
  skip(upTo: number): void {
    for (const [index, { waiter }] of this.#slots) {
      if (index > upTo) continue
      this.#slots.delete(index)
      waiter.reject(lost())
    }
  }

  fail(error: Error): void {
    for (const { waiter } of this.#slots.values()) waiter.reject(error)
    this.#slots.clear()
  }
}

function lost(): RaftError {
  return new RaftError('RAFT_LEADERSHIP_LOST', 'leadership lost while committing log')
}
