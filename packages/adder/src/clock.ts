import type { Clock } from '@cluster/api'

/** The time of the machine, for an adder that is used alone. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(atMs, fn) {
    const timer = setTimeout(fn, Math.max(0, atMs - Date.now()))
    return () => {
      clearTimeout(timer)
    }
  },
  soon: (fn) => {
    queueMicrotask(fn)
  }
}
