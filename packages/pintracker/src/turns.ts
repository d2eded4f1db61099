/**
 * Runs jobs one after the other. Closing aborts the one that runs and refuses those that wait.
 */
export class Turns {
  readonly #closing = new AbortController()
  #last: Promise<unknown> = Promise.resolve()

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  /**
   * Waits for its turn, then runs a job.
   *
   * @param signal - ends the wait; the job gets one that also ends when the turns are closed
   */
  take<T>(signal: AbortSignal | undefined, job: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const both = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
    const result = this.#last.then(() => {
      both.throwIfAborted()
      return job(both)
    })
    this.#last = result.catch(() => undefined)
    return withAbort(result, both)
  }

  close(reason: Error): void {
    if (!this.closed) this.#closing.abort(reason)
  }

  /** Resolves when no job runs. */
  async idle(): Promise<void> {
    await this.#last
  }
}

/** Rejects as soon as the signal aborts, though the promise may settle later. */
async function withAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    aborted.reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Waits for a promise, but no longer than until the signal aborts. */
export async function untilAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await promise
    return
  }
  try {
    await withAbort(promise, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
