import { timestampFromMs, type BaseContext, type Informer, type Metric, type PinTracker } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { PinqueueConfig } from './config.ts'

/** What the informer needs of its component context. */
export interface PinqueueInformerContext extends Pick<BaseContext, 'self' | 'clock'> {
  readonly tracker: Pick<PinTracker, 'pinQueueSize'>
}

/**
 * Reports how many pins wait to be pinned at this peer, so that new ones go where less waits.
 *
 * @see behaviours.md §3.1, §3.3; wire-host-rpc.md §5.2
 */
export class PinqueueInformer implements Informer {
  readonly name = 'pinqueue'
  readonly #context: PinqueueInformerContext
  readonly #config: PinqueueConfig
  #stopped = false

  constructor(context: PinqueueInformerContext, config: PinqueueConfig) {
    this.#context = context
    this.#config = config
  }

  stop(): void {
    this.#stopped = true
  }

  /** One metric, valid until the informer is stopped. Rejects only when `signal` is aborted. */
  async getMetrics({ signal }: AbortOptions): Promise<readonly [Metric]> {
    await Promise.resolve()
    signal?.throwIfAborted()
    const { self, clock, tracker } = this.#context
    const queued = this.#stopped ? undefined : tracker.pinQueueSize()
    return [
      {
        name: this.name,
        peer: self,
        value: queued === undefined ? '' : queued.toString(),
        weight: weightOf(queued ?? 0, this.#config.weightBucketSize),
        valid: queued !== undefined,
        expire: timestampFromMs(clock.nowMs() + this.#config.metricTtlMs),
        partitionable: false,
        receivedAt: 0n
      }
    ]
  }
}

/** Less waiting is better; whole buckets count. */
function weightOf(queued: number, bucketSize: number): bigint {
  return -BigInt(bucketSize > 0 ? Math.trunc(queued / bucketSize) : queued)
}
