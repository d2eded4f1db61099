import type { AbortOptions } from '@libp2p/interface'
import { ClusterError, toClusterError, type Clock } from '@cluster/api'

/** The options of a call that may have no signal. */
export function abortable(signal: AbortSignal | undefined): AbortOptions {
  return signal === undefined ? {} : { signal }
}

/** Whether a signal is aborted by now. As a call, so that the compiler expects it to change in between. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

/** Why a signal was aborted, as the error of a port. */
export function abortReason(signal: AbortSignal): ClusterError {
  return toClusterError(signal.reason, 'ABORTED')
}

/** Waits until a time; `false` when the signal came first. Leaves neither timer nor listener behind. */
export async function waitUntil(clock: Clock, atMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  return await new Promise<boolean>((resolve) => {
    const onAbort = (): void => {
      cancel()
      resolve(false)
    }
    const cancel = clock.setTimer(atMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve(true)
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** The promise, or the signal's reason as soon as it is aborted. The work itself goes on if it does not listen. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  return await new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      reject(abortReason(signal))
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}

/** Timers of the platform hold no longer time (24 days); a limit above it is none. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Runs something under a time limit of its own.
 *
 * @throws {ClusterError} `TIMEOUT` after `timeoutMs`, the signal's reason when that is aborted
 */
export async function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const own = new AbortController()
  const both = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal])
  const expire = (): void => {
    own.abort(new ClusterError('TIMEOUT', 'context deadline exceeded'))
  }
  const cancel = timeoutMs > MAX_TIMER_MS ? () => undefined : clock.setTimer(clock.nowMs() + timeoutMs, expire)
  try {
    if (both.aborted) throw abortReason(both)
    return await unlessAborted(work(both), both)
  } finally {
    cancel()
  }
}

/**
 * Passes items on, and gives up when the source leaves the reader waiting for too long. Time that the reader takes
 * does not count.
 *
 * @throws {ClusterError} `TIMEOUT` after `idleMs` without an item, the signal's reason when that is aborted
 */
export async function* unlessIdle<T>(
  clock: Clock,
  idleMs: number,
  signal: AbortSignal,
  items: AsyncIterable<T>
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  let fail: ((error: ClusterError) => void) | undefined
  let waitingSinceMs = clock.nowMs()
  let cancel: () => void = () => undefined
  const arm = (atMs: number): void => {
    cancel = clock.setTimer(atMs, () => {
      const nowMs = clock.nowMs()
      // our clock may have been set back
      waitingSinceMs = Math.min(waitingSinceMs, nowMs)
      const dueMs = fail === undefined ? nowMs + idleMs : waitingSinceMs + idleMs
      if (dueMs > nowMs) arm(dueMs)
      else fail?.(new ClusterError('TIMEOUT', 'context deadline exceeded'))
    })
  }
  const onAbort = (): void => fail?.(abortReason(signal))
  const pull = async (): Promise<IteratorResult<T>> =>
    await new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortReason(signal))
        return
      }
      fail = reject
      waitingSinceMs = clock.nowMs()
      iterator.next().then(resolve, reject)
    })
  signal.addEventListener('abort', onAbort, { once: true })
  arm(clock.nowMs() + idleMs)
  try {
    for (;;) {
      const result = await pull()
      fail = undefined
      if (result.done === true) return
      yield result.value
    }
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
    // A source that hangs would never finish this call, so nobody waits for it.
    iterator.return?.().catch(() => undefined)
  }
}
