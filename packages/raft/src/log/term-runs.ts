import type { TermRun } from '../ports.ts'

/** The terms of a log. They never fall, so there are few runs of them. */
export class TermRuns {
  readonly #runs: TermRun[]

  constructor(runs: readonly TermRun[] = []) {
    this.#runs = [...runs]
  }

  /** All runs, lowest index first. */
  get runs(): readonly TermRun[] {
    return this.#runs
  }

  /** The term of the last entry; undefined if there is none. */
  get last(): number | undefined {
    return this.#runs.at(-1)?.term
  }

  /** The term of an index that is in the log. */
  at(index: number): number | undefined {
    // almost always asked about the end
    for (let at = this.#runs.length - 1; at >= 0; at--) {
      const run = this.#runs[at]
      if (run !== undefined && run.from <= index) return run.term
    }
    return undefined
  }

  append(index: number, term: number): void {
    if (this.last !== term) this.#runs.push({ from: index, term })
  }

  truncateFrom(index: number): void {
    while ((this.#runs.at(-1)?.from ?? 0) >= index) this.#runs.pop()
  }

  /** The log begins with `first` now, and ends with `last`. */
  truncateHead(first: number, last: number): void {
    const runs = this.#runs
    while (runs.length > 0 && (runs[1]?.from ?? last + 1) <= first) runs.shift()
    const [run] = runs
    if (run !== undefined && run.from < first) runs[0] = { from: first, term: run.term }
  }

  clear(): void {
    this.#runs.length = 0
  }
}
