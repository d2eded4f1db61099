import { ClusterError, toClusterError } from '@cluster/api'

/** Waits for `promise`, or for the abort of `signal`, which does not stop what runs behind the promise. */
export async function wait<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  promise.catch(() => undefined) // nobody else listens once the wait was broken off
  const aborted = Promise.withResolvers<never>()
  const stop = (): void => {
    const { message } = toClusterError(signal.reason)
    aborted.reject(new ClusterError('ABORTED', message, { cause: signal.reason }))
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([aborted.promise, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
