import type { PeerId } from '@libp2p/interface'
import type { Timestamp } from './timestamp.ts'

/**
 * A value that a peer publishes about itself for a limited time.
 *
 * @see wire-host-rpc.md §5.1
 */
export interface Metric {
  readonly name: string
  readonly peer: PeerId
  readonly value: string
  /** By the clock of the publisher. */
  readonly expire: Timestamp
  readonly valid: boolean
  /** The value as the allocator compares it; more is better. */
  readonly weight: bigint
  /** Whether allocations spread over distinct values first. */
  readonly partitionable: boolean
  /** By the clock of the receiver; 0 on the wire. */
  readonly receivedAt: Timestamp
}

/** A metric that was not renewed in time. */
export interface Alert extends Metric {
  readonly triggeredAt: Timestamp | undefined
}

/** Whether a metric must not be used any more: invalid, or expired by the local clock. */
export function isMetricDiscarded(metric: Metric, now: Timestamp): boolean {
  return !metric.valid || isMetricExpired(metric, now)
}

/** Whether a metric has passed its time, by the local clock. */
export function isMetricExpired(metric: Metric, now: Timestamp): boolean {
  return now > metric.expire
}
