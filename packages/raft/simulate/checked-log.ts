import { mustHold } from '@cluster/testing'
import type { LogEntry, RaftLog, StableState, TermRun } from '../src/index.ts'
import type { Ledger } from './ledger.ts'

/** What is known to be on the disk of a server, and what may be. It outlives its processes. */
export class DiskRecord {
  /** Terms of the entries that are durable, the first of them at `first`. */
  first = 1
  terms: number[] = []
  stable: StableState = { term: 0, voteTerm: 0, vote: '' }
  /** What is being written: after a crash it may be there or not. */
  writing: { readonly entries: readonly LogEntry[]; readonly truncateFrom: number | undefined } | undefined
  stableWriting: StableState | undefined
  /** The head of the log may or may not be gone, or all of it. */
  headWriting: number | undefined
  resetWriting: number | undefined

  get last(): number {
    return this.first + this.terms.length - 1
  }

  termAt(index: number): number | undefined {
    return this.terms[index - this.first]
  }
}

/** A log that remembers what it promised. */
export class CheckedLog implements RaftLog {
  readonly #name: string
  readonly #log: RaftLog
  readonly #record: DiskRecord
  readonly #ledger: Ledger

  /** @param log - just opened: what it holds is checked against the record */
  constructor(name: string, log: RaftLog, record: DiskRecord, ledger: Ledger) {
    this.#name = name
    this.#log = log
    this.#record = record
    this.#ledger = ledger
    this.#checkOpened()
  }

  get firstIndex(): number {
    return this.#log.firstIndex
  }

  get lastIndex(): number {
    return this.#log.lastIndex
  }

  termAt(index: number): number | undefined {
    return this.#log.termAt(index)
  }

  terms(): readonly TermRun[] {
    return this.#log.terms()
  }

  read(from: number, to: number, maxBytes: number): Promise<LogEntry[] | undefined> {
    return this.#log.read(from, to, maxBytes)
  }

  getStable(): StableState {
    return this.#log.getStable()
  }

  async append(entries: readonly LogEntry[], truncateFrom?: number): Promise<void> {
    const record = this.#record
    if (truncateFrom !== undefined) this.#ledger.truncating(this.#name, truncateFrom)
    let before = entries[0] === undefined ? 0 : (this.termAt(entries[0].index - 1) ?? 0)
    for (const entry of entries) {
      this.#ledger.written(this.#name, entry, before)
      before = entry.term
    }
    this.#ledger.trace?.(
      () =>
        `${this.#name} writes ${entries.map(({ index, term }) => `${index}/${term}`).join(' ')} dropping from ${truncateFrom ?? '-'}`
    )
    record.writing = { entries, truncateFrom }
    await this.#log.append(entries, truncateFrom)
    if (truncateFrom !== undefined) record.terms.length = Math.min(record.terms.length, truncateFrom - record.first)
    for (const { term } of entries) record.terms.push(term)
    record.writing = undefined
  }

  async truncateHead(upTo: number): Promise<void> {
    this.#ledger.trace?.(() => `${this.#name} forgets up to ${upTo}`)
    this.#record.headWriting = upTo
    await this.#log.truncateHead(upTo)
    this.#take()
    this.#record.headWriting = undefined
  }

  async reset(nextIndex: number): Promise<void> {
    this.#ledger.trace?.(() => `${this.#name} resets to ${nextIndex}`)
    this.#record.resetWriting = nextIndex
    await this.#log.reset(nextIndex)
    this.#take()
    this.#record.resetWriting = undefined
  }

  async setStable(state: StableState): Promise<void> {
    mustHold(
      state.term >= this.#record.stable.term,
      'P8: the term on the disk never falls',
      () => `${this.#name}: ${this.#record.stable.term} to ${state.term}`
    )
    this.#record.stableWriting = state
    await this.#log.setStable(state)
    this.#record.stable = state
    this.#record.stableWriting = undefined
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #checkOpened(): void {
    const { firstIndex, lastIndex } = this
    const record = this.#record
    const stable = this.getStable()
    const isStable = [record.stable, record.stableWriting].some(
      (one) =>
        one !== undefined && one.term === stable.term && one.voteTerm === stable.voteTerm && one.vote === stable.vote
    )
    mustHold(
      isStable,
      'P15: term and vote survive a crash',
      () => `${this.#name}: ${JSON.stringify(stable)}, not ${JSON.stringify(record.stable)}`
    )
    const isReset = firstIndex === record.resetWriting && lastIndex < firstIndex
    if (!isReset) this.#checkEntries(firstIndex, lastIndex)
    record.stable = stable
    record.writing = undefined
    record.stableWriting = undefined
    record.headWriting = undefined
    record.resetWriting = undefined
    this.#take()
  }

  #checkEntries(first: number, last: number): void {
    const { writing, headWriting, first: from, last: to } = this.#record
    const mayBegin = headWriting === undefined ? from : Math.max(from, Math.min(to, headWriting) + 1)
    mustHold(
      first >= from && first <= mayBegin,
      'P15: the log begins where it did',
      () => `${this.#name}: ${first}, not ${from} to ${mayBegin}`
    )
    const mayBe = new Map((writing?.entries ?? []).map(({ index, term }) => [index, term]))
    const isNew =
      writing !== undefined &&
      last >= (writing.entries.at(-1)?.index ?? 0) &&
      [...mayBe].every(([index, term]) => this.termAt(index) === term)
    const truncateFrom = isNew ? (writing.truncateFrom ?? Infinity) : Infinity
    const end = isNew ? Math.max(Math.min(to, truncateFrom - 1), writing.entries.at(-1)?.index ?? 0) : to
    mustHold(
      last === end,
      'P15: the log ends where it did',
      () => `${this.#name}: ${last}, not ${to} (${isNew ? 'with' : 'without'} a batch)`
    )
    for (let index = first; index <= last; index++) {
      const expected = isNew && mayBe.has(index) ? mayBe.get(index) : this.#record.termAt(index)
      mustHold(
        this.termAt(index) === expected,
        'P15: the log holds what was written',
        () => `${this.#name}: entry ${index} has the term ${this.termAt(index) ?? 0}, not ${expected ?? 0}`
      )
    }
  }

  /** The record as the log is. */
  #take(): void {
    const { firstIndex, lastIndex } = this
    this.#record.first = firstIndex
    this.#record.terms = []
    for (let index = firstIndex; index <= lastIndex; index++) this.#record.terms.push(this.termAt(index) ?? 0)
  }
}
