import { performance } from 'node:perf_hooks'

/** A window shorter than this says little. */
const WINDOW_MS = 200
/** Above this share of its time, other work is slowed: on a machine of few cores others want the rest. */
const BUSY_SHARE = 0.3

/** Tells whether the process has been busy of late, by its event loop. */
export function eventLoopLoad(): () => boolean {
  let last = performance.eventLoopUtilization()
  let atMs = performance.now()
  let isBusy = false
  return () => {
    const nowMs = performance.now()
    if (nowMs - atMs < WINDOW_MS) return isBusy
    const current = performance.eventLoopUtilization()
    isBusy = performance.eventLoopUtilization(current, last).utilization >= BUSY_SHARE
    last = current
    atMs = nowMs
    return isBusy
  }
}
