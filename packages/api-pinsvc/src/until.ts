import type { Clock } from '@cluster/api'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/**
 * Looks again and again until there is something to see, with pauses that grow.
 *
 * @returns `undefined` when the time is over
 * @throws the reason of the signal, and what `look` throws
 */
export async function until<T>(
  clock: Clock,
  look: () => Promise<T | undefined>,
  limitMs: number,
  signal: AbortSignal
): Promise<T | undefined> {
  const endMs = clock.nowMs() + limitMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const seen = await look()
    const leftMs = endMs - clock.nowMs()
    if (seen !== undefined || leftMs <= 0) return seen
    await pause(clock, Math.min(pauseMs, leftMs), signal)
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const wake = (): void => {
    resolve(undefined)
  }
  const cancel = clock.setTimer(clock.nowMs() + ms, wake)
  signal.addEventListener('abort', wake, { once: true })
  await promise
  cancel()
  signal.removeEventListener('abort', wake)
  signal.throwIfAborted()
}
