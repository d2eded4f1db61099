import { ClusterError, type Clock } from '@cluster/api'

/** Work under a limit in time. */
export interface Deadline {
  readonly clock: Clock
  /** 0 = none. */
  readonly limitMs: number
  /** Text of the `TIMEOUT` error, made when it is due. */
  readonly message: () => string
  readonly signal: AbortSignal
}

/**
 * Runs work that must show progress: when `progress` was not called for the limit, its signal aborts and the error is
 * `TIMEOUT`. With one timer however often progress is made; so it takes between one and two limits to notice.
 */
export async function withProgress<T>(
  { clock, limitMs, message, signal }: Deadline,
  work: (signal: AbortSignal, progress: () => void) => Promise<T>
): Promise<T> {
  if (limitMs <= 0) return await work(signal, () => undefined)
  const stalled = new AbortController()
  let lastMs = clock.nowMs()
  const look = (): void => {
    if (clock.nowMs() - lastMs >= limitMs) stalled.abort(new ClusterError('TIMEOUT', message()))
    else cancel = clock.setTimer(lastMs + limitMs, look)
  }
  let cancel = clock.setTimer(lastMs + limitMs, look)
  try {
    return await work(AbortSignal.any([signal, stalled.signal]), () => {
      lastMs = clock.nowMs()
    })
  } catch (error) {
    if (stalled.signal.aborted && !signal.aborted) throw stalled.signal.reason
    throw error
  } finally {
    cancel()
  }
}
