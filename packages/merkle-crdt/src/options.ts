import { MAX_STAGED_BYTES, type DagBlocks } from './store/dag-blocks.ts'
import type { CatchUpOptions } from './sync/catch-up/options.ts'
import type { FetchLimits } from './sync/fetcher.ts'
import type { HeadMerging } from './maintenance/head-merger.ts'
import type { FirstWriteOptions } from './changes/first-write.ts'
import type { Batching } from './changes/publisher.ts'
import type { Broadcaster, Clock, CrdtStorage, DagExchange, Logger } from './ports.ts'

/** How a store works; every member has a default. */
export interface MerkleCrdtOptions {
  /** Time between announcements of heads that nobody mentioned, ± 30 %. Default 1 minute. */
  readonly rebroadcastIntervalMs?: number
  /** Time between repairs of a store that is marked dirty; 0: never. Default 1 hour. */
  readonly repairIntervalMs?: number
  /** Absent: each change is acknowledged when its block is durable. */
  readonly batching?: Batching | undefined
  /**
   * Form the next block of local changes while the last one is at the disk. It is written, announced and acknowledged
   * after that one, and taken back if that one fails. Default: while it pays, as measured.
   */
  readonly formAhead?: boolean | undefined
  /**
   * Keep what was added and taken back for ever, as the Go peer does, instead of forgetting it as soon as it says nothing
   * any more. The values are the same. Default false.
   *
   * @see spec/wire-crdt.md §7.3 P5
   */
  readonly keepTombstones?: boolean | undefined
  /** Absent: the first change is made at once, whoever else is there. */
  readonly firstWrite?: FirstWriteOptions | undefined
  /** Absent: many heads stay until somebody writes. */
  readonly headMerging?: HeadMerging | undefined
  /** Absent: what is missing comes by the exchange only. */
  readonly catchUp?: CatchUpOptions | undefined
  /** Limits of fetching, each with a default. */
  readonly fetch?: Partial<FetchLimits>
}

/** What a store is made of. */
export interface MerkleCrdtInit extends MerkleCrdtOptions {
  readonly storage: CrdtStorage
  /** Where it lies in the datastore, such as `/c`. */
  readonly namespace: string
  /** The blocks that `exchange` serves; made with the same datastore and namespace. */
  readonly blocks: DagBlocks
  /** Absent: no other peers, as for a store that is used offline. */
  readonly exchange?: DagExchange | undefined
  readonly broadcaster?: Broadcaster | undefined
  readonly clock: Clock
  /** Numbers from 0 up to but not including 1. */
  readonly random: () => number
  readonly log: Logger
}

export const DEFAULT_REBROADCAST_INTERVAL_MS = 60_000
export const DEFAULT_REPAIR_INTERVAL_MS = 3_600_000

/** The Go peer's limit for one fetch is two minutes; here a stuck fetch holds up nothing else. */
export const DEFAULT_FETCH_LIMITS: FetchLimits = {
  maxFetches: 256,
  maxHeadFetches: 32,
  maxPendingHeads: 1024,
  headTimeoutMs: 60_000,
  blockTimeoutMs: 120_000,
  maxBufferedBytes: MAX_STAGED_BYTES / 2
}
