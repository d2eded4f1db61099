import { formatDuration, type Clock } from '@cluster/api'
import type { z } from 'zod'
import { readJson } from './answers.ts'
import type { CallOptions, KuboClient } from './kubo-client.ts'
import { Watchdog } from './watchdog.ts'

/** How a call with a limit in time is made. */
export interface TimedOptions extends Omit<CallOptions, 'signal'> {
  readonly signal: AbortSignal
  /** How long the daemon may be silent, in milliseconds; 0 = no limit. */
  readonly limitMs: number
}

/**
 * Calls of the daemon with a limit in time each. A call that reaches it fails with `TIMEOUT`.
 *
 * @see behaviours.md §5.3
 */
export class TimedCalls {
  readonly client: KuboClient
  readonly #clock: Clock

  constructor(client: KuboClient, clock: Clock) {
    this.client = client
    this.#clock = clock
  }

  /** A limit that the caller handles; must be closed. */
  watchdog(call: string, { signal, limitMs }: Pick<TimedOptions, 'signal' | 'limitMs'>): Watchdog {
    const message = `IPFS did not answer within ${formatDuration(limitMs)} (${call})`
    return new Watchdog({ clock: this.#clock, limitMs, message, signal })
  }

  /** Work of several calls under one limit. */
  async together<T>(
    call: string,
    limits: Pick<TimedOptions, 'signal' | 'limitMs'>,
    work: (signal: AbortSignal) => Promise<T>
  ): Promise<T> {
    const watchdog = this.watchdog(call, limits)
    try {
      return await work(watchdog.signal)
    } finally {
      watchdog.close()
    }
  }

  /** An answer as text. */
  async text(call: string, options: TimedOptions): Promise<string> {
    return await this.together(call, options, (signal) => this.client.text(call, { ...options, signal }))
  }

  /** An answer that is one JSON value. */
  async json<T>(call: string, form: z.ZodType<T>, options: TimedOptions): Promise<T> {
    return readJson(call, await this.text(call, options), form)
  }

  /** A streamed answer. The limit is for the daemon's silence, not for what the reader does between pages. */
  async *lines(call: string, options: TimedOptions): AsyncGenerator<readonly unknown[]> {
    const watchdog = this.watchdog(call, options)
    try {
      for await (const lines of this.client.lines(call, { ...options, signal: watchdog.signal, isLong: true })) {
        watchdog.pause()
        yield lines
        watchdog.resume()
      }
    } catch (error) {
      throw watchdog.signal.aborted ? watchdog.signal.reason : error
    } finally {
      watchdog.close()
    }
  }
}
