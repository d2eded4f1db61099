import type { Clock } from '@cluster/api'

/** Longest wait of one timer of the platform; a later time is reached in steps. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The clock and timers of the platform. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(atMs, fn) {
    let timer: ReturnType<typeof setTimeout>
    const wait = (): void => {
      const leftMs = atMs - Date.now()
      timer = setTimeout(leftMs > MAX_TIMER_MS ? wait : fn, Math.min(Math.max(leftMs, 0), MAX_TIMER_MS))
    }
    wait()
    return () => {
      clearTimeout(timer)
    }
  },
  soon(fn) {
    setImmediate(fn)
  }
}
