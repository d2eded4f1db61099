import type { Clock } from '@cluster/api'

interface Timer {
  atMs: number
  readonly order: number
  /** Undefined once it was cancelled. */
  fn: (() => void) | undefined
}

/**
 * The clock of a simulation: it stands still until told to move, and handles tens of thousands of timers. Between two
 * timers all work runs that waits for promises only. Unlike `ManualClock` it leaves no room for real I/O.
 */
export class SimulatedClock implements Clock {
  #nowMs: number
  #order = 0
  #pending = 0
  #setByMs = 0
  /** A binary heap, the next timer first. */
  readonly #heap: Timer[] = []

  /** @param startMs - milliseconds since the Unix epoch; by default 14 November 2023 */
  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  /** Time that really passed, whatever the clock was set to. */
  get elapsedMs(): number {
    return this.#nowMs - this.#setByMs
  }

  setTimer(atMs: number, fn: () => void): () => void {
    const timer: Timer = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, fn }
    this.#pending += 1
    this.#push(timer)
    return () => {
      if (timer.fn === undefined) return
      timer.fn = undefined
      this.#pending -= 1
    }
  }

  soon(fn: () => void): void {
    this.setTimer(this.#nowMs, fn)
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#pending
  }

  /** Resolves when it is that time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(this.#nowMs + ms, resolve)
    })
  }

  /**
   * Moves time on, firing what falls due.
   *
   * @param until - asked after each timer; `true` ends it early
   */
  async advance(ms: number, until: () => boolean = () => false): Promise<void> {
    const untilMs = this.#nowMs + ms
    await drained()
    while (!until()) {
      const timer = this.#heap[0]
      if (timer === undefined || timer.atMs > untilMs) {
        this.#nowMs = untilMs
        return
      }
      this.#pop()
      const { fn } = timer
      if (fn === undefined) continue
      timer.fn = undefined
      this.#pending -= 1
      this.#nowMs = timer.atMs
      fn()
      await drained()
    }
  }

  /** Sets the clock by so much, back if negative, as somebody sets that of a machine: timers fire when they would have. */
  set(byMs: number): void {
    this.#nowMs += byMs
    this.#setByMs += byMs
    for (const timer of this.#heap) timer.atMs += byMs
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, timer)) break
      heap[at] = parent
      at = above
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      let child = heap[below]
      if (child === undefined) break
      const right = heap[below + 1]
      if (right !== undefined && isBefore(right, child)) {
        child = right
        below += 1
      }
      if (isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/**
 * Resolves when nothing runs any more but what waits for a timer: Node calls the queue of `nextTick` when that of
 * promises is empty. Cheaper than a turn of the event loop.
 */
export function drained(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve)
  })
}

/** The clock of one process in a simulation: dies with it, and knows its timers. */
export class ProcessClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Set<() => void>()
  #isAlive = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  setTimer(atMs: number, fn: () => void): () => void {
    if (!this.#isAlive) return () => undefined
    const cancel = this.#clock.setTimer(atMs, () => {
      this.#timers.delete(stop)
      fn()
    })
    const stop = (): void => {
      this.#timers.delete(stop)
      cancel()
    }
    this.#timers.add(stop)
    return stop
  }

  soon(fn: () => void): void {
    this.setTimer(this.nowMs(), fn)
  }

  /** Timers of the process: 0 when all of it has stopped. */
  get pending(): number {
    return this.#timers.size
  }

  /** The process is gone: nothing fires any more. */
  kill(): void {
    this.#isAlive = false
    for (const stop of this.#timers) stop()
  }
}
