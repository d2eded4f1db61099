import type { AbortOptions, PeerId } from '@libp2p/interface'
import { timestampFromMs, type Clock, type Informer, type Metric } from '@cluster/api'

/** How long the metrics of a {@link FixedInformer} are valid. */
const LIFETIME_MS = 30_000

/** An informer that measures what the test says; `undefined` is nothing at all. */
export class FixedInformer implements Informer {
  readonly name: string
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #self: PeerId
  weight: bigint | undefined
  #isStopped = false

  constructor(name: string, weight: bigint | undefined, self: PeerId, clock: Pick<Clock, 'nowMs'>) {
    this.name = name
    this.weight = weight
    this.#self = self
    this.#clock = clock
  }

  stop(): void {
    this.#isStopped = true
  }

  async getMetrics({ signal }: AbortOptions = {}): Promise<readonly Metric[]> {
    await Promise.resolve()
    signal?.throwIfAborted()
    if (this.weight === undefined) return []
    const expire = timestampFromMs(this.#clock.nowMs() + LIFETIME_MS)
    const metric = { name: this.name, peer: this.#self, value: this.weight.toString(), weight: this.weight, expire }
    return [{ ...metric, valid: !this.#isStopped, partitionable: false, receivedAt: 0n }]
  }
}
