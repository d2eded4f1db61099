import { isMetricDiscarded, isMetricExpired, timestampFromMs, type Metric } from '@cluster/api'

/** How many metrics of one name are kept per peer. */
export const SERIES_LENGTH = 25
/** After so many failed checks a peer that is still gone is alerted again (75 minutes with the default interval). */
export const CHECKS_PER_ALERT = 300

/**
 * The last metrics of one name from one peer, and whether their absence was noticed.
 *
 * @see behaviours.md §3.6; wire-host-rpc.md §5.3, §5.4
 */
export class MetricSeries {
  readonly #metrics: [Metric, ...Metric[]]
  #failures = 0

  constructor(first: Metric) {
    this.#metrics = [first]
  }

  /** The last one that arrived, whatever its times say. */
  get latest(): Metric {
    return this.#metrics[0]
  }

  /** Newest first. */
  get all(): readonly Metric[] {
    return this.#metrics
  }

  /** Adds the newest; one that can be used ends a failure. Returns the oldest if it had to go. */
  add(metric: Metric, nowMs: number): Metric | undefined {
    if (!isMetricDiscarded(metric, timestampFromMs(nowMs))) this.#failures = 0
    return this.#metrics.unshift(metric) > SERIES_LENGTH ? this.#metrics.pop() : undefined
  }

  /** Drops all but the latest; returns what was dropped. */
  shorten(): Metric[] {
    return this.#metrics.splice(1)
  }

  /** Whether an alert is due: the latest was valid, is expired, and this was not noticed yet, or very long ago. */
  check(nowMs: number): boolean {
    if (!this.latest.valid || !isMetricExpired(this.latest, timestampFromMs(nowMs))) return false
    this.#failures += 1
    const due = this.#failures === 1
    if (this.#failures >= CHECKS_PER_ALERT) this.#failures = 0
    return due
  }
}
