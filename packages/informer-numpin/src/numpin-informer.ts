import { timestampFromMs, type BaseContext, type Informer, type IpfsConnector, type Metric } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { NumpinConfig } from './config.ts'

/** What the informer needs of its component context. */
export interface NumpinInformerContext extends Pick<BaseContext, 'self' | 'clock' | 'log'> {
  readonly ipfs: Pick<IpfsConnector, 'pinLs'>
}

/**
 * Reports how many pins, recursive and direct, the IPFS side has. It reads the whole list for each metric, in constant
 * memory: meant for small repositories.
 *
 * @see behaviours.md §3.1, §3.5; wire-host-rpc.md §5.2
 */
export class NumpinInformer implements Informer {
  readonly name = 'numpin'
  readonly #context: NumpinInformerContext
  readonly #config: NumpinConfig
  #stopped = false

  constructor(context: NumpinInformerContext, config: NumpinConfig) {
    this.#context = context
    this.#config = config
  }

  stop(): void {
    this.#stopped = true
  }

  /** One metric, invalid when IPFS does not answer. Rejects only when `signal` aborts. */
  async getMetrics(options: AbortOptions): Promise<readonly [Metric]> {
    options.signal?.throwIfAborted()
    const { self, clock } = this.#context
    const count = this.#stopped ? undefined : await this.#count(options)
    return [
      {
        name: this.name,
        peer: self,
        value: count === undefined ? '' : count.toString(),
        weight: 0n,
        valid: count !== undefined,
        expire: timestampFromMs(clock.nowMs() + this.#config.metricTtlMs),
        partitionable: false,
        receivedAt: 0n
      }
    ]
  }

  async #count(options: AbortOptions): Promise<number | undefined> {
    const { ipfs, log } = this.#context
    let count = 0
    try {
      for await (const page of ipfs.pinLs(['recursive', 'direct'], options)) count += page.length
      return count
    } catch (error) {
      options.signal?.throwIfAborted()
      log.error('cannot count the pins of IPFS', { error })
      return undefined
    }
  }
}
