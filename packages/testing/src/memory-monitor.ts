import type { PeerId } from '@libp2p/interface'
import {
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

  /** A new listener; the others are told of it. */
  join(peer: PeerId): MemoryMonitor {
    const monitor = new MemoryMonitor(this, this.#clock)
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
    for (const monitor of this.#monitors.values()) monitor.logMetric(metric)
  }
}

/** A monitor in memory: the latest metric of each name and peer. */
export class MemoryMonitor extends TypedEventEmitter<PeerMonitorEvents> implements PeerMonitor {
  readonly #topic: MemoryMetrics
  readonly #clock: Clock
  readonly #latest = new Map<string, Map<string, Metric>>()
  readonly #alerted = new Set<Metric>()

  constructor(topic: MemoryMetrics, clock: Clock) {
    super()
    this.#topic = topic
    this.#clock = clock
  }

  publishMetric(metric: Metric): Promise<void> {
    if (!isMetricDiscarded(metric, this.#now())) this.#topic.deliver(metric)
    return Promise.resolve()
  }

  logMetric(metric: Metric): void {
    const received = { ...metric, receivedAt: this.#now() }
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
      if (!isMetricExpired(metric, this.#now()) || this.#alerted.has(metric)) continue
      this.#alerted.add(metric)
      this.safeDispatchEvent('alert', { detail: { ...metric, triggeredAt: this.#now() } })
    }
  }

  #now(): bigint {
    return timestampFromMs(this.#clock.nowMs())
  }
}
