import {
  ClusterError,
  isMetricDiscarded,
  isMetricExpired,
  timestampFromMs,
  toClusterError,
  type BaseContext,
  type Metric,
  type Network,
  type PeerMonitor,
  type PeerMonitorEvents,
  type Topic,
  type TopicMessage
} from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import type { PubsubmonConfig } from './config.ts'
import { DropTally } from './drop-tally.ts'
import { decodeMetricMessage, encodeMetricMessage } from './metric-message.ts'
import { MetricStore } from './metric-store.ts'

/** The gossip topic of metrics. */
export const METRICS_TOPIC = 'monitor.metrics'
/** Longest message that is looked at. A ping with fifty addresses takes 5 KiB. */
export const MAX_MESSAGE_BYTES = 32 * 1024

/** Metrics live for a minute or less unless somebody wants otherwise; who dies meanwhile is noticed after that only. */
const LONG_LIFETIME_MS = 3_600_000

/** What the monitor needs of its component context. */
export interface PubsubMonitorContext extends Pick<BaseContext, 'clock' | 'log' | 'metrics' | 'fatal'> {
  readonly network: Pick<Network, 'subscribe'>
}

/**
 * Publishes metrics over gossip, keeps what arrives, and tells of metrics that were not renewed in time. A metric whose
 * peer is not the one that signed the message is dropped. Memory is bounded whatever peers send.
 *
 * @see wire-host-rpc.md §5; behaviours.md §3.6
 */
export class PubsubMonitor extends TypedEventEmitter<PeerMonitorEvents> implements PeerMonitor {
  readonly #context: PubsubMonitorContext
  readonly #config: PubsubmonConfig
  readonly #store = new MetricStore()
  readonly #drops: DropTally
  readonly #stopping = new AbortController()
  #topic: Topic | undefined
  #reading: Promise<void> = Promise.resolve()
  #offSubscribed: () => void = () => undefined
  #cancelCheck: () => void = () => undefined
  #warnedOfLegacy = false

  constructor(context: PubsubMonitorContext, config: PubsubmonConfig) {
    super()
    this.#context = context
    this.#config = config
    this.#drops = new DropTally(context)
  }

  start(options: AbortOptions): void {
    options.signal?.throwIfAborted()
    if (this.#topic !== undefined) return
    if (this.#stopping.signal.aborted) throw new ClusterError('STOPPED', 'the monitor was stopped')
    this.#topic = this.#context.network.subscribe(METRICS_TOPIC)
    this.#offSubscribed = this.#topic.onSubscribed((peer) => {
      this.safeDispatchEvent('subscriber', { detail: peer })
    })
    this.#reading = this.#read(this.#topic)
    this.#scheduleCheck()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelCheck()
    this.#offSubscribed()
    this.#topic?.unsubscribe()
    await this.#reading
    this.#drops.flush()
  }

  /**
   * Hands a metric to the network. One that is invalid or expired is dropped with a warning.
   *
   * @throws {ClusterError} `NOT_READY` before the start, `STOPPED` after the stop
   */
  async publishMetric(metric: Metric, options: AbortOptions): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.#stopping.signal.aborted) throw new ClusterError('STOPPED', 'the monitor was stopped')
    if (this.#topic === undefined) throw new ClusterError('NOT_READY', 'the monitor was not started')
    if (isMetricDiscarded(metric, this.#now())) {
      this.#context.log.warn('discarding invalid metric', { name: metric.name, value: metric.value })
      return
    }
    await this.#topic.publish(encodeMetricMessage(metric), options)
  }

  logMetric(metric: Metric): void {
    const refusal = this.#store.add(metric, this.#context.clock.nowMs())
    if (refusal === undefined) this.#announce(metric)
    else this.#drops.add(refusal, metric.peer)
  }

  metricNames(): readonly string[] {
    return this.#store.names
  }

  latestMetrics(name: string): readonly Metric[] {
    return this.#store.latestValid(name, this.#context.clock.nowMs())
  }

  latestForPeer(name: string, peer: PeerId): Metric | undefined {
    return this.#store.latestForPeer(name, peer)
  }

  #now(): bigint {
    return timestampFromMs(this.#context.clock.nowMs())
  }

  #announce(metric: Metric): void {
    const stored = this.#store.latestForPeer(metric.name, metric.peer)
    if (stored !== undefined) this.safeDispatchEvent('metric', { detail: stored })
  }

  async #read(topic: Topic): Promise<void> {
    const { signal } = this.#stopping
    try {
      for await (const message of topic.messages({ signal })) this.#receive(message)
      if (!signal.aborted) throw new Error('the topic of metrics ended')
    } catch (error) {
      // deaf to metrics, this peer would take all others for dead
      if (!signal.aborted) this.#context.fatal(toClusterError(error))
    }
  }

  #receive({ from, data }: TopicMessage): void {
    if (data.length > MAX_MESSAGE_BYTES) {
      this.#drops.add('too large', from)
      return
    }
    let metric: Metric
    try {
      const message = decodeMetricMessage(data)
      if (message.legacy) this.#warnOfLegacy(from)
      metric = message.metric
    } catch {
      this.#drops.add('not a metric', from)
      return
    }
    if (!metric.peer.equals(from)) {
      this.#drops.add('of another peer', from)
      return
    }
    if (isMetricExpired(metric, this.#now())) this.#drops.add('expired on arrival (clocks differ?)', from)
    else if (isLongLived(metric, this.#context.clock.nowMs())) {
      this.#drops.add('valid for more than an hour (clocks differ?)', from)
    }
    this.logMetric(metric)
  }

  #warnOfLegacy(from: PeerId): void {
    if (this.#warnedOfLegacy) return
    this.#warnedOfLegacy = true
    this.#context.log.warn('Peers in versions <= v0.13.3 detected: upgrade them', { from: from.toString() })
  }

  #scheduleCheck(): void {
    const { clock } = this.#context
    this.#cancelCheck = clock.setTimer(clock.nowMs() + this.#config.checkIntervalMs, () => {
      this.#scheduleCheck()
      this.#check()
    })
  }

  #check(): void {
    this.#drops.flush()
    const triggeredAt = this.#now()
    for (const metric of this.#store.check(this.#context.clock.nowMs())) {
      this.safeDispatchEvent('alert', { detail: { ...metric, triggeredAt } })
    }
  }
}

function isLongLived({ expire }: Metric, nowMs: number): boolean {
  return expire > timestampFromMs(nowMs + LONG_LIFETIME_MS)
}
