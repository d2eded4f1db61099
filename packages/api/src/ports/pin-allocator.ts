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

/** What a metric did to the place of a peer in a ranking. */
export interface RankingStep {
  /** Name of the metric. */
  readonly metric: string
  readonly value: string
  readonly weight: bigint
  /** Place among the choices that the allocator had at this step, from 0: peers, or groups of peers. */
  readonly place: number
  /** How many choices there were. */
  readonly of: number
  /** Why it is not a place better, or how it comes first; in plain words. */
  readonly reason: string
}

/** Why a peer stands where it stands in a ranking, or why it is not in it. */
export interface RankedPeer {
  readonly peer: PeerId
  /** The set of the round that it came from. */
  readonly from: 'priority' | 'candidates'
  /** Its index in what `allocate()` gives for the round; `undefined` when it is not in there. */
  readonly place: number | undefined
  /** All of it in one line of plain words. */
  readonly reason: string
  /** What each metric did, most important first. Empty when the peer is not ranked. */
  readonly steps: readonly RankingStep[]
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
  /**
   * The ranking of `allocate()` with its reasons: each peer of `priority` and `candidates` once, those that are ranked
   * first and in that order. Pure as well. An allocator without it gives a ranking without reasons.
   *
   * @see behaviours.md §8 item 17
   */
  explain?(round: AllocationRound): readonly RankedPeer[]
}
