import { mustHold } from '@cluster/testing'
import type { CrdtOperation } from '../src/index.ts'
import { contentOf } from './model.ts'
import type { ModelBlock } from './model-block.ts'

/** One operation that somebody asked for. */
interface Entry {
  readonly peer: number
  readonly operation: CrdtOperation
  /** The value of a put, as text. */
  readonly value: string | undefined
  readonly isBatched: boolean
  /** What the key had on that peer when a delete was asked for. */
  readonly saw: string | undefined
  readonly issued: number
  acknowledged: number | undefined
}

/** Who was promised what. Values are unique, so that each can be found again in the blocks. */
export class Ledger {
  readonly #entries: Entry[] = []
  #order = 0

  /**
   * Operations of one call.
   *
   * @returns to be called when they are acknowledged
   */
  issue(
    peer: number,
    operations: readonly CrdtOperation[],
    isBatched: boolean,
    seen: (key: string) => string | undefined
  ): () => void {
    const entries = operations.map((operation): Entry => ({
      peer,
      operation,
      value: operation.type === 'put' ? Buffer.from(operation.value).toString('latin1') : undefined,
      isBatched,
      saw: operation.type === 'delete' ? seen(operation.key) : undefined,
      issued: (this.#order += 1),
      acknowledged: undefined
    }))
    this.#entries.push(...entries)
    return () => {
      this.#order += 1
      for (const entry of entries) entry.acknowledged = this.#order
    }
  }

  /** How many operations were acknowledged. */
  get acknowledged(): number {
    return this.#entries.filter((entry) => entry.acknowledged !== undefined).length
  }

  /**
   * Nothing acknowledged is missing in the blocks that remained.
   *
   * A put stands in a block for ever, whatever became of its key since, unless the same peer changed the same key again
   * before the block was made: of one block's changes the last one counts. A delete took back what the peer saw.
   */
  check(blocks: Iterable<ModelBlock>): void {
    const all = [...blocks]
    const written = new Set<string>()
    for (const { elements } of all) for (const { value } of elements) written.add(value)
    const standing = new Set<string>()
    const { live } = contentOf(all)
    for (const { elements } of all) {
      for (const { value, place } of elements) if (live.has(place)) standing.add(value)
    }
    const places = Map.groupBy(this.#entries, ({ peer, operation }) => `${peer}${operation.key}`)
    for (const entries of places.values()) {
      entries.forEach((entry, at) => {
        if (entry.acknowledged === undefined) return
        if (entry.value !== undefined) {
          const isThere =
            written.has(entry.value) || entries.slice(at + 1).some((later) => covers(later, entry, written))
          mustHold(isThere, 'nothing acknowledged is missing', () => describe('put', entry))
        } else if (entry.saw !== undefined) {
          mustHold(!standing.has(entry.saw), 'what was deleted does not come back', () => describe('delete', entry))
        }
      })
    }
  }
}

/** Whether the later operation of the same peer on the same key may have taken the place of the earlier in its block. */
function covers(later: Entry, entry: Entry, written: ReadonlySet<string>): boolean {
  if (!entry.isBatched && entry.acknowledged !== undefined && later.issued > entry.acknowledged) return false
  return later.value === undefined || written.has(later.value)
}

function describe(what: string, { peer, operation, value, saw, issued }: Entry): string {
  return `${what} number ${issued} on peer ${peer}: ${operation.key} ${value ?? saw ?? ''}`
}
