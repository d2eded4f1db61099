import type { LogEntry } from '../entry.ts'
import type { Answer, Call, Load, Outcome, Output, Receive, StableState, Write } from './output.ts'
import type { Snapshot } from './snapshot.ts'

/** A write that is being put together. */
export interface Draft {
  stable?: StableState
  truncateFrom?: number
  entries?: readonly LogEntry[]
  reset?: number
  truncateHead?: number
}

interface PendingWrite {
  readonly number: number
  /** The last entry that is durable with it. */
  lastIndex: number
}

/** The output that is being put together, and the writes that are not durable yet. */
export class Effects implements Output {
  writes: Write[] = []
  calls: Call[] = []
  answers: Answer[] = []
  loads: Load[] = []
  receives: Receive[] = []
  outcomes: Outcome[] = []
  restore: Snapshot | undefined
  faults: string[] = []
  #number = 0
  #pending: PendingWrite[] = []
  /** The number of the last write with term and vote. */
  #stableNumber = 0
  #storedNumber = 0
  #oldestSinceMs = Infinity

  /** Starts the next output; what was put together is handed over. */
  take(): Output {
    const { writes, calls, answers, loads, receives, outcomes, restore, faults } = this
    this.writes = []
    this.calls = []
    this.answers = []
    this.loads = []
    this.receives = []
    this.outcomes = []
    this.restore = undefined
    this.faults = []
    return { writes, calls, answers, loads, receives, outcomes, restore, faults }
  }

  /** Number of the write that was asked for last. */
  get lastWrite(): number {
    return this.#number
  }

  /** Whether every term and vote that was taken is on the disk. */
  get isStable(): boolean {
    return this.#storedNumber >= this.#stableNumber
  }

  /** Since when the oldest write waits; Infinity if none does. */
  get waitingSinceMs(): number {
    return this.#oldestSinceMs
  }

  /** Something to store, and what may be said then. Returns its number. */
  write(
    draft: Draft,
    lastIndex: number,
    nowMs: number,
    then: { calls?: readonly Call[]; answers?: readonly Answer[] }
  ): number {
    const number = ++this.#number
    const { calls = [], answers = [] } = then
    this.writes.push({ number, ...draft, then: { calls, answers } })
    if (draft.stable !== undefined) this.#stableNumber = number
    const from = draft.truncateFrom ?? draft.reset
    if (from !== undefined) for (const one of this.#pending) one.lastIndex = Math.min(one.lastIndex, from - 1)
    if (this.#pending.length === 0) this.#oldestSinceMs = nowMs
    this.#pending.push({ number, lastIndex })
    return number
  }

  /** Writes up to this one are durable. Returns up to which entry the log is; undefined if that is no news. */
  stored(number: number, nowMs: number): number | undefined {
    let lastIndex: number | undefined
    let gone = 0
    for (const one of this.#pending) {
      if (one.number > number) break
      lastIndex = Math.max(lastIndex ?? 0, one.lastIndex)
      gone++
    }
    if (gone === 0) return undefined
    this.#pending.splice(0, gone)
    this.#storedNumber = number
    this.#oldestSinceMs = this.#pending.length === 0 ? Infinity : nowMs
    return lastIndex
  }
}
