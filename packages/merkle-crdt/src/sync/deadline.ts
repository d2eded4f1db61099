import { CrdtError } from '../errors.ts'
import type { Clock } from '../ports.ts'

export { unlessAborted as wait } from '@cluster/streams'

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
