import type { Clock } from '@cluster/api'

/** The longest delay of a timer; Node fires longer ones at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** The time of the machine. Its timers do not keep a process alive by themselves. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer(atMs, fn) {
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const delay = Math.max(0, atMs - Date.now())
      timer = setTimeout(delay > MAX_DELAY_MS ? arm : fn, Math.min(delay, MAX_DELAY_MS))
      timer.unref()
    }
    arm()
    return () => {
      clearTimeout(timer)
    }
  },
  soon(fn) {
    setImmediate(fn)
  }
}
