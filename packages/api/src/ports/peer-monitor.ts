import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { TypedEventTarget } from 'main-event'
import type { Component } from '../component/component.ts'
import type { Alert, Metric } from '../domain/metric.ts'

/** Events of a monitor, for watching only. */
export interface PeerMonitorEvents {
  metric: CustomEvent<Metric>
  alert: CustomEvent<Alert>
  /** A peer began to listen for metrics: publish ours again, else it waits for a whole interval. */
  subscriber: CustomEvent<PeerId>
}

/**
 * The metrics that peers publish. It knows no members.
 *
 * @see wire-host-rpc.md §5
 */
export interface PeerMonitor extends Component, TypedEventTarget<PeerMonitorEvents> {
  publishMetric(metric: Metric, options: AbortOptions): Promise<void>
  /** Stores a metric without publishing it. */
  logMetric(metric: Metric): void
  metricNames(): readonly string[]
  /** The latest valid metric of each peer, ordered by the bytes of the peer ID. */
  latestMetrics(name: string): readonly Metric[]
  /** The latest metric of a peer, even if expired. */
  latestForPeer(name: string, peer: PeerId): Metric | undefined
}
