import type { AbortOptions } from '@libp2p/interface'
import type { Component } from '../component/component.ts'
import type { Metric } from '../domain/metric.ts'

/** A source of metrics about this peer. The core publishes them under the peer's own ID. */
export interface Informer extends Component {
  readonly name: string
  getMetrics(options: AbortOptions): Promise<readonly Metric[]>
}
