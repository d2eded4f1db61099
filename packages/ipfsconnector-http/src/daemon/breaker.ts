/** Requests in a row without any answer after which the daemon is taken for dead. */
const FAILURES_TO_OPEN = 10
/** Time between two attempts to reach a daemon that is taken for dead, in milliseconds. */
const TRIAL_INTERVAL_MS = 1000

/** After so long an attempt counts as failed: the daemon may be back, and only this one call be lost. */
const TRIAL_LIMIT_MS = 30_000

/** What {@link Breaker.admit} answers: go, or not before a time. */
export type Admission = { readonly go: true } | { readonly go: false; readonly atMs: number }

/**
 * Tells whether a request may go to the daemon. After ten failures in a row one at a time may, one per second, until
 * one is answered; one that is lost holds the others up for half a minute at most.
 *
 * @see behaviours.md §5.2, rate limiter
 */
export class Breaker {
  #failures = 0
  #nextTrialMs = 0
  #lastFailure = ''
  /** When the attempt that runs now began. */
  #tryingSinceMs: number | undefined

  /** Why the last request failed. */
  get lastFailure(): string {
    return this.#lastFailure
  }

  get isOpen(): boolean {
    return this.#failures >= FAILURES_TO_OPEN
  }

  /** Asks to send a request. One that may go must report how it ended. */
  admit(nowMs: number): Admission {
    if (!this.isOpen) return { go: true }
    // a clock that was set back would put the next attempt off for as long
    this.#nextTrialMs = Math.min(this.#nextTrialMs, nowMs + TRIAL_INTERVAL_MS)
    if (this.#tryingSinceMs !== undefined) this.#tryingSinceMs = Math.min(this.#tryingSinceMs, nowMs)
    if (this.#tryingSinceMs !== undefined && nowMs < this.#tryingSinceMs + TRIAL_LIMIT_MS) {
      return { go: false, atMs: nowMs + TRIAL_INTERVAL_MS }
    }
    if (nowMs < this.#nextTrialMs) return { go: false, atMs: this.#nextTrialMs }
    this.#tryingSinceMs = nowMs
    this.#nextTrialMs = nowMs + TRIAL_INTERVAL_MS
    return { go: true }
  }

  /** The daemon answered, whatever. Says whether it was taken for dead until now. */
  answered(): boolean {
    const wasOpen = this.isOpen
    this.#failures = 0
    this.#tryingSinceMs = undefined
    return wasOpen
  }

  /** There was no answer. Says whether the daemon is taken for dead from now on. */
  failed(reason: string): boolean {
    this.#failures += 1
    this.#lastFailure = reason
    this.#tryingSinceMs = undefined
    return this.#failures === FAILURES_TO_OPEN
  }

  /** We gave up before there could be an answer: says nothing of the daemon. */
  gaveUp(): void {
    this.#tryingSinceMs = undefined
  }
}
