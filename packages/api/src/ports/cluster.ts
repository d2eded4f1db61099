import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { AddedOutput, AddParams, FileEntry } from '../domain/add.ts'
import type { BandwidthByProtocol } from '../domain/bandwidth.ts'
import type { ConnectGraph } from '../domain/connect-graph.ts'
import type { ConsensusHealth } from '../domain/consensus-health.ts'
import type { ID, Version } from '../domain/id.ts'
import type { Alert, Metric } from '../domain/metric.ts'
import type { GlobalPinInfo } from '../domain/pin-info.ts'
import type { Pin, PinOptions, PinPath } from '../domain/pin.ts'
import type { GlobalRepoGC, IPFSRepoStat } from '../domain/repo.ts'
import type { TrackerStatus } from '../domain/tracker-status.ts'
import type { ListOptions, Pages } from '../paging.ts'
import type { ClusterEvents } from './events.ts'
import type { Upkeep } from './upkeep.ts'

/** Whether to ask this peer only, or all that are concerned. */
export interface Scope {
  readonly local?: boolean | undefined
}

/** Who wants to know what a change is about to replace. */
export interface Guarded {
  /**
   * Looks at each pin that this one takes the place of, takes its options from, or removes; `undefined` where there is
   * none. What it throws stops the change. No other change of the same CID through this peer comes in between.
   */
  readonly guard?: ((existing: Pin | undefined) => void) | undefined
}

/** The pinset: what is wanted. */
export interface Pins {
  /** Checks, allocates and commits; the answer is the pin as committed. */
  pin(pin: Pin, options: AbortOptions & Guarded): Promise<Pin>
  pinPath(path: PinPath, options: AbortOptions & Guarded): Promise<Pin>
  /** Answers the pin as it was. */
  unpin(cid: CID, options: AbortOptions & Guarded): Promise<Pin>
  unpinPath(path: string, options: AbortOptions & Guarded): Promise<Pin>
  /** @throws {ClusterError} `NOT_IN_PINSET` */
  get(cid: CID, options: AbortOptions): Promise<Pin>
  list(options: ListOptions): Pages<Pin>
}

/** What became of the pinset at the peers. */
export interface Statuses {
  status(cid: CID, options: AbortOptions & Scope): Promise<GlobalPinInfo>
  /** In pinset order. */
  statusAll(filter: TrackerStatus, options: ListOptions & Scope): Pages<GlobalPinInfo>
  recover(cid: CID, options: AbortOptions & Scope): Promise<GlobalPinInfo>
  recoverAll(options: AbortOptions & Scope): Pages<GlobalPinInfo>
}

/** The peers of the cluster. */
export interface Members {
  id(options: AbortOptions): Promise<ID>
  /** As they answer; of those that cannot be asked an ID with an error. */
  peers(options: AbortOptions): AsyncIterable<ID>
  add(peer: PeerId, options: AbortOptions): Promise<ID>
  remove(peer: PeerId, options: AbortOptions): Promise<void>
  join(address: Multiaddr, options: AbortOptions): Promise<void>
}

/** Content: adding and collecting. */
export interface Content {
  add(
    entries: AsyncIterable<FileEntry>,
    params: AddParams,
    options: AbortOptions & Guarded
  ): AsyncGenerator<AddedOutput, CID>
  /** The peers that would get the blocks of a pin with these options. */
  allocate(options: PinOptions & AbortOptions): Promise<readonly PeerId[]>
  repoGC(options: AbortOptions & Scope): Promise<GlobalRepoGC>
  /** Optional: the sizes of the repositories of all peers together; those that cannot be asked count as empty. */
  repoStat?(options: AbortOptions): Promise<IPFSRepoStat>
  /** Optional: the CID to which a path leads. */
  resolve?(path: string, options: AbortOptions): Promise<CID>
}

/** How the cluster and this peer are. */
export interface Health {
  version(): Version
  /** Resolves once the peer is ready. */
  ready(options: AbortOptions): Promise<void>
  connectGraph(options: AbortOptions): Promise<ConnectGraph>
  /** Where the consensus stands; `unknown` for one that does not tell. */
  consensus(options: AbortOptions): Promise<ConsensusHealth>
  /** Most recent first. */
  alerts(): readonly Alert[]
  bandwidth(): BandwidthByProtocol | undefined
  metricNames(): readonly string[]
  latestMetrics(name: string): readonly Metric[]
}

/** The core as APIs see it. */
export interface Cluster {
  readonly pins: Pins
  readonly statuses: Statuses
  readonly members: Members
  readonly content: Content
  readonly health: Health
  /** Optional: a core without it answers as the reference peer does. */
  readonly upkeep?: Upkeep | undefined
  /** Optional: what happened lately, for watching. */
  readonly events?: ClusterEvents | undefined
}
