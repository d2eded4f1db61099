import { abortReason } from './abort-reason.ts'

/**
 * Waits for `promise`, or for the abort of `signal`, which does not stop what runs behind the promise. Leaves no listener
 * and no unhandled rejection.
 *
 * @throws the reason of the abort, if that comes first
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  promise.catch(() => undefined) // nobody else listens once the wait was broken off
  if (signal.aborted) throw abortReason(signal)
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const stop = (): void => {
    reject(abortReason(signal))
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
