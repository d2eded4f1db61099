import type { LogEntry } from '../entry.ts'
import { TermRuns } from '../log/term-runs.ts'
import type { TermRun } from '../ports.ts'

/**
 * What the core knows of the log: the terms of all entries, the newest entries themselves, and how far it is durable.
 * The entry before the first one is known by its term only (that of a snapshot, or none at all).
 */
export class LogIndex {
  #first: number
  #last: number
  #beforeTerm: number
  readonly #terms: TermRuns
  /** The newest entries, without a gap to the end. */
  #recent: LogEntry[] = []
  #recentBytes = 0
  readonly #maxRecentBytes: number
  #durable: number

  constructor(first: number, last: number, beforeTerm: number, runs: readonly TermRun[], maxRecentBytes: number) {
    this.#first = first
    this.#last = last
    this.#beforeTerm = beforeTerm
    this.#terms = new TermRuns(runs)
    this.#maxRecentBytes = maxRecentBytes
    this.#durable = last
  }

  get firstIndex(): number {
    return this.#first
  }

  get lastIndex(): number {
    return this.#last
  }

  get lastTerm(): number {
    return this.#terms.last ?? this.#beforeTerm
  }

  /** Entries up to here are on the disk, or were there and are covered by a snapshot. */
  get durableIndex(): number {
    return this.#durable
  }

  /** The term of an entry, also of the one before the first; undefined outside. */
  termAt(index: number): number | undefined {
    if (index === this.#first - 1) return this.#beforeTerm
    if (index < this.#first || index > this.#last) return undefined
    return this.#terms.at(index)
  }

  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      this.#terms.append(entry.index, entry.term)
      this.#recent.push(entry)
      this.#recentBytes += entry.encoded.length
      this.#last = entry.index
    }
    this.#forget()
  }

  truncateFrom(index: number): void {
    this.#last = index - 1
    this.#durable = Math.min(this.#durable, this.#last)
    this.#terms.truncateFrom(index)
    while ((this.#recent.at(-1)?.index ?? 0) >= index) this.#recentBytes -= this.#recent.pop()?.encoded.length ?? 0
  }

  /** Forgets entries up to and including `index`, which must be in the log. */
  truncateHead(index: number): void {
    const term = this.termAt(index)
    if (term === undefined || index < this.#first) return
    this.#beforeTerm = term
    this.#first = index + 1
    this.#terms.truncateHead(this.#first, this.#last)
    const gone = this.#first - (this.#recent[0]?.index ?? this.#first)
    if (gone > 0) this.#drop(gone)
  }

  /** Forgets everything; the next entry has this index, the one before it this term. */
  reset(next: number, beforeTerm: number): void {
    this.#first = next
    this.#last = next - 1
    this.#durable = next - 1
    this.#beforeTerm = beforeTerm
    this.#terms.clear()
    this.#recent = []
    this.#recentBytes = 0
  }

  /** Entries up to this one are on the disk. */
  stored(index: number): void {
    if (index > this.#durable) this.#durable = index
    this.#forget()
  }

  /**
   * Entries from `from` up to `to`, as many as the limits allow, at least one; undefined if they are not in memory.
   */
  recent(from: number, to: number, maxEntries: number, maxBytes: number): LogEntry[] | undefined {
    const start = this.#recent[0]?.index
    if (start === undefined || from < start || from > this.#last) return undefined
    const entries: LogEntry[] = []
    let bytes = 0
    const end = Math.min(to, this.#last, from + maxEntries - 1)
    for (let index = from; index <= end; index++) {
      const entry = this.#recent[index - start]
      if (entry === undefined) break
      bytes += entry.encoded.length
      if (bytes > maxBytes && entries.length > 0) break
      entries.push(entry)
    }
    return entries
  }

  /** Drops the oldest of what is in memory, never what is not durable; in large steps, since each one moves the rest. */
  #forget(): void {
    if (this.#recentBytes <= this.#maxRecentBytes * 1.25) return
    const start = this.#recent[0]?.index ?? 0
    let bytes = this.#recentBytes
    let count = 0
    while (bytes > this.#maxRecentBytes && start + count <= this.#durable) {
      bytes -= this.#recent[count]?.encoded.length ?? 0
      count++
    }
    if (count > 0) this.#drop(count)
  }

  #drop(count: number): void {
    for (const entry of this.#recent.splice(0, count)) this.#recentBytes -= entry.encoded.length
  }
}
