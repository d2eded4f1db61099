import { ClusterError, type Clock } from '@cluster/api'

/** What a watchdog watches. */
export interface WatchdogInit {
  readonly clock: Clock
  /** How long there may be no progress; 0 = for ever. */
  readonly limitMs: number
  /** Text of the `TIMEOUT` error. */
  readonly message: string
  /** Ends the work as well. */
  readonly signal: AbortSignal
}

/**
 * A limit in time for work, which starts again with each progress and does not run while paused. Its signal aborts at
 * the limit. One timer however often there is progress. Must be closed.
 */
export class Watchdog {
  readonly signal: AbortSignal
  readonly #init: WatchdogInit
  readonly #limit = new AbortController()
  #lastMs: number
  #pauses = 0
  #cancel: (() => void) | undefined

  constructor(init: WatchdogInit) {
    this.#init = init
    this.#lastMs = init.clock.nowMs()
    this.signal = AbortSignal.any([init.signal, this.#limit.signal])
    this.#set()
  }

  progress(): void {
    this.#lastMs = this.#init.clock.nowMs()
  }

  /** What happens until `resume()` is not the work's fault. */
  pause(): void {
    this.#pauses += 1
  }

  resume(): void {
    this.#pauses -= 1
    this.progress()
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #set(): void {
    const { clock, limitMs } = this.#init
    if (limitMs > 0) this.#cancel = clock.setTimer(this.#lastMs + limitMs, this.#look)
  }

  readonly #look = (): void => {
    const { clock, limitMs, message } = this.#init
    // a clock that was set back would put the limit off for as long
    if (this.#pauses > 0 || clock.nowMs() < this.#lastMs) this.progress()
    if (clock.nowMs() - this.#lastMs < limitMs) this.#set()
    else this.#limit.abort(new ClusterError('TIMEOUT', message))
  }
}
