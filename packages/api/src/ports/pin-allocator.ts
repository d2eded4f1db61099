import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Component } from '../component/component.ts'
import type { Metric } from '../domain/metric.ts'

/** A peer with its valid metrics by name. */
export interface PeerMetrics {
  readonly peer: PeerId
  readonly metrics: ReadonlyMap<string, Metric>
}

/** One choice to make. `cid` is absent when blocks are allocated before their root is known. */
export interface AllocationRound {
  readonly cid?: CID | undefined
  /** Peers that hold the pin and may stay. */
  readonly current: readonly PeerMetrics[]
  readonly candidates: readonly PeerMetrics[]
  /** Candidates that the caller asked for. */
  readonly priority: readonly PeerMetrics[]
}

/**
 * Ranks peers for a pin.
 *
 * @see behaviours.md §2
 */
export interface PinAllocator extends Component {
  /** Names of the metrics without which a peer is no candidate. */
  readonly metrics: readonly string[]
  /** Pure: the same round gives the same ranking, best first. */
  allocate(round: AllocationRound): readonly PeerId[]
}
