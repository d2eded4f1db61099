import {
  PEER_METRICS,
  timestampFromMs,
  TrackerStatus,
  type BaseContext,
  type Informer,
  type IpfsConnector,
  type IPFSRepoStat,
  type Metric,
  type PinTracker,
  type PinTrackerEvents
} from '@cluster/api'
import type { AbortOptions, Metric as Gauge } from '@libp2p/interface'
import { sizesOf, type DiskConfig, type DiskMetricType } from './config.ts'
import { PinSize } from './pin-size.ts'

/** What the informer needs of its component context. Without `tracker` it cannot count what is queued. */
export interface DiskInformerContext extends Pick<BaseContext, 'self' | 'clock' | 'log' | 'metrics'> {
  readonly ipfs: Pick<IpfsConnector, 'repoStat'>
  readonly tracker?: Pick<PinTracker, 'pinQueueSize' | 'addEventListener' | 'removeEventListener'>
}

/** Value and weight of a metric; invalid ones are never published. */
type Measure = Pick<Metric, 'value' | 'weight' | 'valid'>
/** Nothing is known: stopped, or IPFS did not answer. */
const UNKNOWN: Measure = { value: '', weight: 0n, valid: false }

/**
 * Reports how much room the IPFS repository has left (`freespace`), or how much it uses (`reposize`), on request with
 * what is queued to be pinned. Asks IPFS once per call. A full repository, or an IPFS that does not answer, gives an
 * invalid metric: the peer drops out of allocations when its last valid one expires.
 *
 * @see behaviours.md §3.1, §3.2, §8 item 4; wire-host-rpc.md §5.2
 */
export class DiskInformer implements Informer {
  readonly #context: DiskInformerContext
  readonly #config: DiskConfig
  readonly #sizes: ReturnType<typeof sizesOf>
  readonly #pinSize = new PinSize()
  #stopped = false
  #gauge: Gauge | undefined

  constructor(context: DiskInformerContext, config: DiskConfig) {
    this.#context = context
    this.#config = config
    this.#sizes = sizesOf(config)
  }

  /** The name of the metric, which is also that of the informer. */
  get name(): DiskMetricType {
    return this.#config.metricType
  }

  start(): void {
    if (this.#sizes.queuedPin !== 'auto') return
    this.#context.tracker?.addEventListener('status', this.#onStatus)
  }

  stop(): void {
    this.#stopped = true
    this.#context.tracker?.removeEventListener('status', this.#onStatus)
  }

  /** One metric. Rejects only when `signal` aborts. */
  async getMetrics(options: AbortOptions): Promise<readonly [Metric]> {
    options.signal?.throwIfAborted()
    const { self, clock } = this.#context
    const measure = this.#stopped ? UNKNOWN : await this.#measure(options)
    const expire = timestampFromMs(clock.nowMs() + this.#config.metricTtlMs)
    return [{ name: this.name, peer: self, ...measure, expire, partitionable: false, receivedAt: 0n }]
  }

  async #measure(options: AbortOptions): Promise<Measure> {
    const { ipfs, log, metrics } = this.#context
    let stat: IPFSRepoStat
    try {
      stat = await ipfs.repoStat(options)
    } catch (error) {
      options.signal?.throwIfAborted()
      log.error('cannot get the size of the IPFS repository', { error })
      return UNKNOWN
    }
    this.#pinSize.measured(stat.repoSize)
    const queued = this.#queuedBytes()
    const measure = this.name === 'reposize' ? repoSize(stat, queued) : freeSpace(stat, queued + this.#sizes.minFree)
    if (!measure.valid) log.warn('reported freespace is 0', { ...stat, queued })
    // registered at the first value: until then there is none to show
    const { name, help } = PEER_METRICS.informerDisk
    this.#gauge ??= metrics?.registerMetric(name, { help })
    this.#gauge?.update(Number(measure.weight))
    return measure
  }

  /** What the pins that are queued will take, as far as it is known. */
  #queuedBytes(): bigint {
    const { queuedPin } = this.#sizes
    const size = queuedPin === 'auto' ? this.#pinSize.mean : queuedPin
    return size === 0n ? 0n : size * BigInt(this.#context.tracker?.pinQueueSize() ?? 0)
  }

  readonly #onStatus = ({ detail: { status } }: PinTrackerEvents['status']): void => {
    if (status === TrackerStatus.pinned) this.#pinSize.pinned()
  }
}

function freeSpace({ storageMax, repoSize }: IPFSRepoStat, reserved: bigint): Measure {
  const weight = storageMax - repoSize - reserved
  return weight > 0n ? { value: weight.toString(), weight, valid: true } : { value: '0', weight: 0n, valid: false }
}

function repoSize({ repoSize: size }: IPFSRepoStat, queued: bigint): Measure {
  return { value: (size + queued).toString(), weight: -(size + queued), valid: true }
}
