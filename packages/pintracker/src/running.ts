import type { Entry, Operation } from './operation.ts'

/** Unpins run one after the other. */
const CONCURRENT_UNPINS = 1
/** A rate is kept on average over so long. */
const BURST_MS = 1000
/** A pin of which nothing arrived for so long counts as slow. Providers that exist are found within seconds. */
export const SLOW_AFTER_MS = 10_000

/**
 * The operations that run, by CID, and who may join them.
 *
 * Pins of which nothing arrives hold their place until the connector gives up, which takes minutes; a few that nobody
 * has would keep all others waiting. So slow pins may have half of the places, and one at least. When fresh ones wait and no place is
 * free, slow runs beyond that half, of which nothing arrived at all, are set aside: they end, and wait behind the
 * others. The longest-running stay, so that each comes to its end once. A single place is never taken away.
 *
 * @see behaviours.md §4.3; §8 item 13
 */
export class Running {
  readonly #concurrentPins: number
  /** How many slow pins may run. */
  readonly #maxSlow: number
  /** The run of an operation that was replaced stays here until it ended. */
  readonly #runs = new Map<string, Entry>()
  #pins = 0
  #unpins = 0
  #slow = 0
  /** Set aside, but not ended yet. */
  #leaving = 0
  /** Not later than when the next run counts as slow; looked up again when that time has come. */
  #slowMs: number | undefined

  /** Time between two beginnings at the limit of the rate; 0 without one. */
  readonly #intervalMs: number
  /** When the next pin would begin at that rate. */
  #paceMs = 0

  /** @param pinsPerSecond - how many pins may begin in a second; 0 for no limit */
  constructor(concurrentPins: number, pinsPerSecond: number) {
    this.#intervalMs = pinsPerSecond === 0 ? 0 : 1000 / pinsPerSecond
    this.#concurrentPins = concurrentPins
    this.#maxSlow = Math.max(1, Math.floor(concurrentPins / 2))
  }

  get pins(): number {
    return this.#pins
  }

  get hasRoomForPin(): boolean {
    return this.#pins < this.#concurrentPins
  }

  /** When another pin may begin, with a second's worth of them at once. */
  paceMs(nowMs: number): number {
    // a clock that was set back would keep everything waiting
    if (this.#paceMs > nowMs + BURST_MS + this.#intervalMs) this.#paceMs = nowMs
    return this.#paceMs + this.#intervalMs - BURST_MS
  }

  get hasRoomForSlow(): boolean {
    return this.#slow < this.#maxSlow
  }

  /** The last free place is for a slow pin when none runs: others may come without end. */
  get keepsPlaceForSlow(): boolean {
    return this.#slow === 0 && this.#concurrentPins > 1 && this.#concurrentPins - this.#pins === 1
  }

  get hasRoomForUnpin(): boolean {
    return this.#unpins < CONCURRENT_UNPINS
  }

  get(key: string): Entry | undefined {
    return this.#runs.get(key)
  }

  begin(entry: Entry, nowMs: number): void {
    entry.phase = 'running'
    entry.attempts += 1
    entry.sinceMs = entry.progressMs = nowMs
    entry.hasProgress = false
    entry.isSetAside = false
    entry.runDepth = entry.depth
    this.#runs.set(entry.key, entry)
    if (entry.type !== 'pin') this.#unpins += 1
    else {
      this.#pins += 1
      this.#paceMs = Math.max(nowMs, this.#paceMs) + this.#intervalMs
      if (entry.isSlow) this.#slow += 1
      else this.#expectSlow(nowMs)
    }
  }

  progress(key: string, nowMs: number): boolean {
    const entry = this.#runs.get(key)
    if (entry?.type !== 'pin') return false
    entry.progressMs = nowMs
    entry.hasProgress = true
    if (!entry.isSlow) return false
    entry.isSlow = false
    this.#slow -= 1
    this.#expectSlow(nowMs)
    return true
  }

  /** When the next run may count as slow. */
  get slowMs(): number | undefined {
    return this.#slowMs
  }

  /** @param freshWaiting - how many pins wait that are not slow */
  setAside(freshWaiting: number, nowMs: number): readonly Operation[] {
    if (freshWaiting === 0 || this.hasRoomForPin) return []
    if (this.#slowMs !== undefined && nowMs >= this.#slowMs) this.#findSlow(nowMs)
    const count = Math.min(this.#slow - this.#maxSlow, freshWaiting) - this.#leaving
    if (count <= 0) return []
    const aside = [...this.#runs.values()]
      .reverse()
      .filter(({ type, isSlow, hasProgress, isSetAside }) => type === 'pin' && isSlow && !hasProgress && !isSetAside)
      .sort((a, b) => b.sinceMs - a.sinceMs)
      .slice(0, count)
    for (const entry of aside) entry.isSetAside = true
    this.#leaving += aside.length
    return aside
  }

  /** @throws {Error} when there is no such run: a fault of the caller */
  end(operation: Operation, nowMs: number, succeeded: boolean): Entry {
    const entry = this.#runs.get(operation.key)
    if (entry === undefined || entry !== operation) throw new Error(`no such run: ${operation.key}`)
    this.#runs.delete(entry.key)
    if (entry.type !== 'pin') this.#unpins -= 1
    else {
      this.#pins -= 1
      if (entry.isSlow) this.#slow -= 1
      if (entry.isSetAside) this.#leaving -= 1
      if (!succeeded && nowMs - entry.progressMs >= SLOW_AFTER_MS) entry.isSlow = true
      if (succeeded) entry.isSlow = false
    }
    return entry
  }

  /** A run that makes no progress from now on will be slow then; earlier, if the clock was set back. */
  #expectSlow(nowMs: number): void {
    this.#slowMs = Math.min(this.#slowMs ?? Infinity, nowMs + SLOW_AFTER_MS)
  }

  #findSlow(nowMs: number): void {
    this.#slowMs = undefined
    for (const entry of this.#runs.values()) {
      if (entry.type !== 'pin' || entry.isSlow) continue
      const slowMs = entry.progressMs + SLOW_AFTER_MS
      if (nowMs >= slowMs) {
        entry.isSlow = true
        this.#slow += 1
      } else if (this.#slowMs === undefined || slowMs < this.#slowMs) this.#slowMs = slowMs
    }
  }
}
