import type { Clock } from '@cluster/api'

interface Timer {
  atMs: number
  readonly order: number
  readonly fn: () => void
}

/**
 * A clock that stands still until told to move. Timers fire in the order of their times, then of their setting; between
 * two of them everything runs that waits for no timer and no I/O.
 *
 * @example
 * ```ts
 * const clock = new ManualClock()
 * clock.setTimer(clock.nowMs() + 1000, () => console.log('later'))
 * await clock.advance(1000)
 * ```
 */
export class ManualClock implements Clock {
  #nowMs: number
  #order = 0
  readonly #timers = new Set<Timer>()

  /** @param startMs - milliseconds since the Unix epoch; by default 14 November 2023 */
  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  setTimer(atMs: number, fn: () => void): () => void {
    const timer = { atMs, order: this.#order++, fn }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  soon(fn: () => void): void {
    queueMicrotask(fn)
  }

  /** How many timers are set: 0 after everything that used the clock has stopped. */
  get pending(): number {
    return this.#timers.size
  }

  /** When the next timer fires. */
  get nextMs(): number | undefined {
    return this.#next()?.atMs
  }

  /** Moves time on, firing what falls due, and lets the work that this causes come to rest. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    for (let timer = this.#next(); timer !== undefined && timer.atMs <= untilMs; timer = this.#next()) {
      this.#timers.delete(timer)
      this.#nowMs = Math.max(this.#nowMs, timer.atMs)
      timer.fn()
      await settle()
    }
    this.#nowMs = untilMs
    await settle()
  }

  /** Sets the clock by so much, back if negative, as somebody sets that of a machine: timers fire when they would have. */
  set(byMs: number): void {
    this.#nowMs += byMs
    for (const timer of this.#timers) timer.atMs += byMs
  }

  #next(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (first === undefined || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) {
        first = timer
      }
    }
    return first
  }
}

/** Resolves once everything that waits for promises only has gone as far as it can. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
