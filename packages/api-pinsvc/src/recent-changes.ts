import type { Clock } from '@cluster/api'
import type { ServedPin } from './served-pin.ts'

/** How long a change that nobody else has shown yet is remembered. */
const REMEMBERED_MS = 30_000
/** Most changes that are remembered; then the oldest goes. */
const MAX_REMEMBERED = 4096

/** What was done with a pin. */
export type RecentChange = { readonly type: 'pinned'; readonly pin: ServedPin } | { readonly type: 'removed' }

/**
 * What this service has accepted lately, so that who asks at once sees what he did: the pinset may show it a moment
 * later, on followers and with batches.
 *
 * @see http-apis.md §6.8, read-after-write
 */
export class RecentChanges {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #changes = new Map<string, RecentChange & { readonly untilMs: number }>()

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock
  }

  pinned(pin: ServedPin): void {
    this.#remember(pin.key, { type: 'pinned', pin })
  }

  removed(key: string): void {
    this.#remember(key, { type: 'removed' })
  }

  get(key: string): RecentChange | undefined {
    this.#expire()
    return this.#changes.get(key)
  }

  /** The pinset shows it, or something newer. */
  forget(key: string): void {
    this.#changes.delete(key)
  }

  /** All of them by key, as they are now. */
  all(): ReadonlyMap<string, RecentChange> {
    this.#expire()
    return new Map(this.#changes)
  }

  #remember(key: string, change: RecentChange): void {
    this.#changes.delete(key)
    this.#changes.set(key, { ...change, untilMs: this.#clock.nowMs() + REMEMBERED_MS })
    const [oldest] = this.#changes.keys()
    if (this.#changes.size > MAX_REMEMBERED && oldest !== undefined) this.#changes.delete(oldest)
  }

  /** The oldest come first. */
  #expire(): void {
    const now = this.#clock.nowMs()
    for (const [key, { untilMs }] of this.#changes) {
      if (untilMs > now) return
      this.#changes.delete(key)
    }
  }
}
