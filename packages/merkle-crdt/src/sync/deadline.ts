import { CrdtError } from '../errors.ts'
import type { Clock } from '../ports.ts'

/** A signal that is aborted with `parent`, or at a time. `clear()` it when it is no longer needed. */
export interface Deadline {
  readonly signal: AbortSignal
  clear(): void
}

/** Runs into `ERR_CRDT_FETCH` after `ms`. */
export function deadline(clock: Clock, parent: AbortSignal, ms: number, what: string): Deadline {
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort(parent.reason)
  }
  if (parent.aborted) abort()
  parent.addEventListener('abort', abort, { once: true })
  const cancel = clock.setTimer(clock.nowMs() + ms, () => {
    controller.abort(new CrdtError('ERR_CRDT_FETCH', `${what}: not within ${ms} ms`))
  })
  return {
    signal: controller.signal,
    clear: () => {
      cancel()
      parent.removeEventListener('abort', abort)
    }
  }
}

/** Waits for `promise`, or for the abort of `signal`, which does not stop what runs behind the promise. */
export async function wait<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  promise.catch(() => undefined) // nobody else listens once the wait was broken off
  signal.throwIfAborted()
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
    }
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}
