import { ClusterError } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { fromEngine } from './to-cluster-error.ts'

/** The calls of a component that run now: refused before it starts and after it stops, ended when it stops. */
export class Operations {
  readonly #stopped = new AbortController()
  readonly #opened = Promise.withResolvers<undefined>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #onLimit: (error: ClusterError) => void
  #isOpen = false

  /** @param onLimit - told of a call that failed because a limit was reached */
  constructor(onLimit: (error: ClusterError) => void) {
    this.#onLimit = onLimit
  }

  /** Calls are taken from here. */
  open(): void {
    this.#isOpen = true
    this.#opened.resolve(undefined)
  }

  /** Ends all calls and waits for them. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#stopped.abort(new ClusterError('STOPPED', 'the embedded IPFS node is stopped'))
    await Promise.allSettled(this.#running)
  }

  /** Waits for `open()`. */
  async opened(signal: AbortSignal | undefined): Promise<void> {
    const ended = this.#signal(signal)
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        reject(fromEngine(ended.reason))
      }
      if (ended.aborted) stop()
      ended.addEventListener('abort', stop, { once: true })
      void this.#opened.promise.then(() => {
        ended.removeEventListener('abort', stop)
        resolve()
      })
    })
  }

  /** One call. Its signal aborts with the caller's and when the component stops. */
  async run<T>({ signal }: AbortOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ended = this.#enter(signal)
    const running = work(ended)
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      const failure = ended.aborted ? fromEngine(ended.reason) : fromEngine(error)
      if (failure.code === 'LIMIT') this.#onLimit(failure)
      throw failure
    } finally {
      this.#running.delete(running)
    }
  }

  /** A call that answers with a stream. */
  async *each<T>({ signal }: AbortOptions, work: (signal: AbortSignal) => AsyncIterable<T>): AsyncGenerator<T> {
    const ended = this.#enter(signal)
    try {
      for await (const item of work(ended)) {
        yield item
        ended.throwIfAborted()
      }
    } catch (error) {
      throw ended.aborted ? fromEngine(ended.reason) : fromEngine(error)
    }
  }

  #enter(signal: AbortSignal | undefined): AbortSignal {
    const ended = this.#signal(signal)
    if (ended.aborted) throw fromEngine(ended.reason)
    if (!this.#isOpen) throw new ClusterError('NOT_READY', 'the embedded IPFS node has not started')
    return ended
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#stopped.signal : AbortSignal.any([signal, this.#stopped.signal])
  }
}
