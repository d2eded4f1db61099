/** Times of the DONT_HAVE timeout, in milliseconds. @see bitswap.md §4.3.3, §4.8.5 */
export interface DontHaveTimeoutOptions {
  /** Before the first answer. */
  readonly initialMs: number
  readonly minMs: number
  readonly maxMs: number
}

export const defaultDontHaveTimeout: DontHaveTimeoutOptions = { initialMs: 5000, minMs: 250, maxMs: 7000 }

/** The timeout is this many times the usual latency of answers. */
const LATENCY_MULTIPLIER = 2
const LATENCY_ALPHA = 0.5
/** A peer that sent something this recently is busy with us, not silent. */
const MIN_ACTIVITY_MS = 100
/** Nothing is waited for longer, however busy the peer is. */
const ABSOLUTE_LIMIT_MS = 28_000

/**
 * Says when a peer that owes a block has been silent for so long that it is taken as "does not have it". A peer from
 * which bytes still arrive is given more time.
 */
export class DontHaveTimeout {
  readonly #options: DontHaveTimeoutOptions
  #latencyMs: number | undefined
  #lastActiveMs = -Infinity

  constructor(options: DontHaveTimeoutOptions) {
    this.#options = options
  }

  /** Present timeout in milliseconds. */
  get timeoutMs(): number {
    if (this.#latencyMs === undefined) return this.#options.initialMs
    return Math.min(Math.max(LATENCY_MULTIPLIER * this.#latencyMs, this.#options.minMs), this.#options.maxMs)
  }

  /** An answer took so long. */
  sample(latencyMs: number): void {
    const { maxMs } = this.#options
    const bounded = Math.min(latencyMs, maxMs)
    this.#latencyMs =
      this.#latencyMs === undefined ? bounded : this.#latencyMs * (1 - LATENCY_ALPHA) + bounded * LATENCY_ALPHA
  }

  /** Bytes arrived from the peer. */
  active(nowMs: number): void {
    this.#lastActiveMs = nowMs
  }

  /** Whether a block asked for at `sinceMs` is to be asked of another. */
  expired(sinceMs: number, nowMs: number): boolean {
    const waitedMs = nowMs - sinceMs
    if (waitedMs >= ABSOLUTE_LIMIT_MS) return true
    const { timeoutMs } = this
    return waitedMs >= timeoutMs && nowMs - this.#lastActiveMs >= Math.max(timeoutMs / 2, MIN_ACTIVITY_MS)
  }
}
