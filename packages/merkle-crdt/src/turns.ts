import type { Clock } from './ports.ts'

/** Failed turns wait before the next one: 1 s, 2 s, … */
const [RETRY_MIN_MS, RETRY_MAX_MS] = [1000, 60_000]
const MAX_FAILURES = 16

/** Where turns come from. */
export interface TurnSource {
  /** Whether something is due now. */
  hasWork(): boolean
  /** Takes what is to be done next. */
  next(): (() => Promise<void>) | undefined
  /** Nothing runs and nothing is due. */
  rested(): void
}

/** Runs one thing at a time, and lets others run in between. After a failure it waits, the longer the more there were. */
export class Turns {
  readonly #clock: Clock
  readonly #source: TurnSource
  #running: Promise<void> | undefined
  #isStopped = false
  #failures = 0
  #cancelRetry: (() => void) | undefined

  constructor(clock: Clock, source: TurnSource) {
    this.#clock = clock
    this.#source = source
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** Starts a turn, if there is something to do and none runs. */
  kick(): void {
    if (this.#isHeld || this.#running !== undefined) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#source.hasWork()) this.kick()
      else this.#source.rested()
    })
  }

  /** A turn came to its end. */
  succeeded(): void {
    this.#failures = 0
  }

  /** The next turn waits: by default the longer, the more failures came in a row. */
  pause(delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures)): void {
    this.#failures = Math.min(this.#failures + 1, MAX_FAILURES)
    if (delayMs === 0 || this.#isStopped) return
    // a block that failed on the disk began a pause, and so does the merge that waited for it
    this.#cancelRetry?.()
    this.#cancelRetry = this.#clock.setTimer(this.#clock.nowMs() + delayMs, () => {
      this.#cancelRetry = undefined
      this.kick()
    })
  }

  /** Goes on at once after a pause. */
  resume(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.kick()
  }

  /** No further turn begins. */
  stop(): void {
    this.#isStopped = true
    // a turn that failed while the store was closing began a pause
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  /** Resolves when nothing runs and nothing is due. */
  async done(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  get #isHeld(): boolean {
    return this.#isStopped || this.#cancelRetry !== undefined
  }

  async #run(): Promise<void> {
    while (!this.#isHeld) {
      const turn = this.#source.next()
      if (turn === undefined) return
      await turn()
      // the store must not keep others from running while it catches up
      await new Promise<void>((resolve) => {
        this.#clock.soon(resolve)
      })
    }
  }
}
