import {
  PEER_METRICS,
  timestampFromMs,
  type BaseContext,
  type Informer,
  type IpfsConnector,
  type IPFSRepoStat,
  type Metric
} from '@cluster/api'
import type { AbortOptions, Metric as Gauge } from '@libp2p/interface'
import type { DiskConfig, DiskMetricType } from './config.ts'

/** What the informer needs of its component context. */
export interface DiskInformerContext extends Pick<BaseContext, 'self' | 'clock' | 'log' | 'metrics'> {
  readonly ipfs: Pick<IpfsConnector, 'repoStat'>
}

/** Value and weight of a metric; invalid ones are never published. */
type Measure = Pick<Metric, 'value' | 'weight' | 'valid'>
/** Nothing is known: stopped, or IPFS did not answer. */
const UNKNOWN: Measure = { value: '', weight: 0n, valid: false }

/**
 * Reports how much room the IPFS repository has left (`freespace`), or how much it uses (`reposize`). Asks IPFS once per
 * call. A full repository, or an IPFS that does not answer, gives an invalid metric: the peer drops out of allocations
 * when its last valid one expires.
 *
 * @see behaviours.md §3.1, §3.2; wire-host-rpc.md §5.2
 */
export class DiskInformer implements Informer {
  readonly #context: DiskInformerContext
  readonly #config: DiskConfig
  #stopped = false
  #gauge: Gauge | undefined

  constructor(context: DiskInformerContext, config: DiskConfig) {
    this.#context = context
    this.#config = config
  }

  /** The name of the metric, which is also that of the informer. */
  get name(): DiskMetricType {
    return this.#config.metricType
  }

  stop(): void {
    this.#stopped = true
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
    const measure = this.name === 'reposize' ? repoSize(stat) : freeSpace(stat)
    if (!measure.valid) log.warn('reported freespace is 0', stat)
    // registered at the first value: until then there is none to show
    const { name, help } = PEER_METRICS.informerDisk
    this.#gauge ??= metrics?.registerMetric(name, { help })
    this.#gauge?.update(Number(measure.weight))
    return measure
  }
}

function freeSpace({ storageMax, repoSize }: IPFSRepoStat): Measure {
  if (repoSize >= storageMax) return { value: '0', weight: 0n, valid: false }
  const weight = storageMax - repoSize
  return { value: weight.toString(), weight, valid: true }
}

function repoSize({ repoSize: size }: IPFSRepoStat): Measure {
  return { value: size.toString(), weight: -size, valid: true }
}
