import { ClusterError, toClusterError } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'

/** The calls that a connector is busy with: ended together when it stops, and none taken afterwards. */
export class RunningCalls {
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  /** Aborted when the connector stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** Ends all calls and waits for them. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ClusterError('STOPPED', 'the IPFS connector is stopped'))
    await Promise.allSettled(this.#running)
  }

  /** One call. Its signal aborts with the caller's and when the connector stops. */
  async run<T>(options: AbortOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = this.#enter(options)
    const running = work(signal)
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw toClusterError(signal.aborted ? signal.reason : error, signal.aborted ? 'ABORTED' : 'IPFS')
    } finally {
      this.#running.delete(running)
    }
  }

  /** A call that answers with a stream. */
  async *each<T>(options: AbortOptions, work: (signal: AbortSignal) => AsyncIterable<T>): AsyncGenerator<T> {
    const signal = this.#enter(options)
    try {
      for await (const item of work(signal)) {
        yield item
        signal.throwIfAborted()
      }
    } catch (error) {
      throw toClusterError(signal.aborted ? signal.reason : error, signal.aborted ? 'ABORTED' : 'IPFS')
    }
  }

  #enter({ signal }: AbortOptions): AbortSignal {
    const { signal: stopping } = this.#stopping
    const both = signal === undefined ? stopping : AbortSignal.any([signal, stopping])
    if (both.aborted) throw toClusterError(both.reason, 'ABORTED')
    return both
  }
}
