import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Component } from '../component/component.ts'
import type { ConsensusHealth } from '../domain/consensus-health.ts'
import type { ClusterError } from '../errors.ts'
import type { PinsetChange, PinsetOperation, ReadonlyState } from './pinset.ts'

/** What tells one consensus from another, so that nobody has to ask which one it is. */
export interface ConsensusTraits {
  readonly readyTimeoutMs: number
  /** Where members come from: the consensus' own log, or the metrics they publish. */
  readonly membership: 'log' | 'metrics'
  /** Whether everybody who knows the cluster secret is trusted. */
  readonly secretIsTrust: boolean
}

/**
 * How peers agree on one pinset.
 *
 * @see behaviours.md §1.3
 */
export interface Consensus extends Component {
  readonly traits: ConsensusTraits
  readonly pinset: ReadonlyState
  /** One reader. Changes come after their durable write, coalesced per CID and bounded. */
  changes(options: AbortOptions): AsyncIterable<readonly PinsetChange[]>
  /**
   * Writes operations; durable when it returns. An abort stops the wait, not the commit.
   *
   * @returns for each operation what went wrong, if anything
   */
  commit(ops: readonly PinsetOperation[], options: AbortOptions): Promise<readonly (ClusterError | undefined)[]>
  ready(options: AbortOptions): Promise<void>
  waitForSync(options: AbortOptions): Promise<void>
  peers(options: AbortOptions): Promise<readonly PeerId[]>
  leader(options: AbortOptions): Promise<PeerId>
  addPeer(peer: PeerId, options: AbortOptions): Promise<void>
  rmPeer(peer: PeerId, options: AbortOptions): Promise<void>
  isTrusted(peer: PeerId): boolean
  /** Where it stands; also while it starts. What does not have it tells nothing. */
  health?(options: AbortOptions): Promise<ConsensusHealth>
  /** Removes all it has on disk. Only while stopped. */
  clean(options: AbortOptions): Promise<void>
}
