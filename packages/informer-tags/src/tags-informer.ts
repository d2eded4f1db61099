import { timestampFromMs, type BaseContext, type Informer, type Metric } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { TagsConfig } from './config.ts'

/** What the informer needs of its component context. */
export type TagsInformerContext = Pick<BaseContext, 'self' | 'clock'>

/**
 * Reports the tags of a peer, one metric `tag:<name>` each. The allocator spreads copies over the values of a tag that
 * it is told to allocate by.
 *
 * @see behaviours.md §3.1, §3.4; wire-host-rpc.md §5.2
 */
export class TagsInformer implements Informer {
  readonly name = 'tags'
  readonly #context: TagsInformerContext
  readonly #config: TagsConfig
  #stopped = false

  constructor(context: TagsInformerContext, config: TagsConfig) {
    this.#context = context
    this.#config = config
  }

  stop(): void {
    this.#stopped = true
  }

  /** One metric for each tag; without any, one invalid `tag:none`. Rejects only when `signal` is aborted. */
  async getMetrics({ signal }: AbortOptions): Promise<readonly Metric[]> {
    await Promise.resolve()
    signal?.throwIfAborted()
    const tags = Object.entries(this.#config.tags ?? {})
    if (tags.length === 0) return [this.#metric('none', '', false)]
    return tags.map(([name, value]) => this.#metric(name, value, !this.#stopped))
  }

  #metric(tag: string, value: string, valid: boolean): Metric {
    const { self, clock } = this.#context
    const expire = timestampFromMs(clock.nowMs() + this.#config.metricTtlMs)
    return { name: `tag:${tag}`, peer: self, value, weight: 0n, valid, expire, partitionable: true, receivedAt: 0n }
  }
}
