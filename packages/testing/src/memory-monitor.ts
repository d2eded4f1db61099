import type { PeerId } from '@libp2p/interface'
import {
  ClusterError,
  isMetricDiscarded,
  isMetricExpired,
  timestampFromMs,
  type Clock,
  type Metric,
  type PeerMonitor,
  type PeerMonitorEvents
} from '@cluster/api'
import { TypedEventEmitter } from 'main-event'

/** The topic on which the monitors of one process publish. */
export class MemoryMetrics {
  readonly #monitors = new Map<string, MemoryMonitor>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * A new listener; the others are told of it.
   *
   * @param checkIntervalMs - how often it looks for expired metrics once started; absent: only when told to
   */
  join(peer: PeerId, checkIntervalMs?: number): MemoryMonitor {
    const monitor = new MemoryMonitor(this, this.#clock, checkIntervalMs)
    for (const other of this.#monitors.values()) {
      other.safeDispatchEvent('subscriber', { detail: peer })
    }
    this.#monitors.set(peer.toString(), monitor)
    return monitor
  }

  leave(peer: PeerId): void {
    this.#monitors.delete(peer.toString())
  }

  deliver(metric: Metric): void {
    for (const monitor of this.#monitors.values()) monitor.hear(metric)
  }
}

/** A monitor in memory: the latest metric of each name and peer. */
export class MemoryMonitor extends TypedEventEmitter<PeerMonitorEvents> implements PeerMonitor {
  readonly #topic: MemoryMetrics
  readonly #clock: Clock
  readonly #latest = new Map<string, Map<string, Metric>>()
  readonly #checkIntervalMs: number | undefined
  /** By name and peer: those whose absence was noticed. */
  readonly #alerted = new Set<string>()
  #cancelCheck: () => void = () => undefined
  #isStopped = false

  constructor(topic: MemoryMetrics, clock: Clock, checkIntervalMs?: number) {
    super()
    this.#topic = topic
    this.#clock = clock
    this.#checkIntervalMs = checkIntervalMs
  }

  start(): void {
    if (this.#checkIntervalMs === undefined || this.#isStopped) return
    this.#cancelCheck = this.#clock.setTimer(this.#clock.nowMs() + this.#checkIntervalMs, () => {
      this.start()
      this.check()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancelCheck()
  }

  publishMetric(metric: Metric): Promise<void> {
    if (this.#isStopped) return Promise.reject(new ClusterError('STOPPED', 'the monitor was stopped'))
    if (!isMetricDiscarded(metric, this.#now())) this.#topic.deliver(metric)
    return Promise.resolve()
  }

  /** A metric that was published. */
  hear(metric: Metric): void {
    if (!this.#isStopped) this.logMetric(metric)
  }

  logMetric(metric: Metric): void {
    if (metric.name === '') return
    const received = { ...metric, receivedAt: this.#now() }
    if (!isMetricDiscarded(metric, this.#now())) this.#alerted.delete(keyOf(metric))
    const peers = this.#latest.get(metric.name) ?? new Map<string, Metric>()
    this.#latest.set(metric.name, peers.set(metric.peer.toString(), received))
    this.safeDispatchEvent('metric', { detail: received })
  }

  metricNames(): readonly string[] {
    return [...this.#latest.keys()]
  }

  latestMetrics(name: string): readonly Metric[] {
    const valid = [...(this.#latest.get(name)?.values() ?? [])].filter((m) => !isMetricDiscarded(m, this.#now()))
    return valid.sort((a, b) => Buffer.compare(a.peer.toMultihash().bytes, b.peer.toMultihash().bytes))
  }

  latestForPeer(name: string, peer: PeerId): Metric | undefined {
    return this.#latest.get(name)?.get(peer.toString())
  }

  /** One round of the checker: an alert for each metric that has expired since. */
  check(): void {
    for (const metric of [...this.#latest.values()].flatMap((peers) => [...peers.values()])) {
      if (!metric.valid || !isMetricExpired(metric, this.#now()) || this.#alerted.has(keyOf(metric))) continue
      this.#alerted.add(keyOf(metric))
      this.safeDispatchEvent('alert', { detail: { ...metric, triggeredAt: this.#now() } })
    }
  }

  #now(): bigint {
    return timestampFromMs(this.#clock.nowMs())
  }
}

function keyOf({ name, peer }: Metric): string {
  return `${name} ${peer.toString()}`
}
