import type { Clock } from '@cluster/api'
import { abortReason, waitUntil } from './wait.ts'

const MINUTE_MS = 60_000

/** Lets work begin no more often than allowed. */
export interface RateLimit {
  /** Resolves when the next piece of work may begin. @throws {ClusterError} the signal's reason */
  turn(signal: AbortSignal): Promise<void>
}

/**
 * Spreads work evenly: each turn is a fixed time after the one before it, so that no burst hits the disks.
 *
 * @param perMinute - most turns in a minute; 0 for no limit
 */
export function createRateLimit(clock: Clock, perMinute: number): RateLimit {
  let nextMs = -Infinity
  let lastMs = -Infinity
  return {
    async turn(signal) {
      if (signal.aborted) throw abortReason(signal)
      if (perMinute === 0) return
      const nowMs = clock.nowMs()
      // a clock that was set back would keep everything waiting for as long
      if (nowMs < lastMs) nextMs -= lastMs - nowMs
      lastMs = nowMs
      const atMs = Math.max(nowMs, nextMs)
      nextMs = atMs + MINUTE_MS / perMinute
      if (atMs > clock.nowMs() && !(await waitUntil(clock, atMs, signal))) throw abortReason(signal)
    }
  }
}
