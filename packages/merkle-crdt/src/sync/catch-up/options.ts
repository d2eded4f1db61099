import type { Clock, CrdtStorage, DagExchange, Logger } from '../../ports.ts'
import type { DagBlocks } from '../../store/dag-blocks.ts'
import type { Head } from '../../store/heads.ts'
import type { Layout } from '../../store/layout.ts'
import type { CatchUpLimits } from './limits.ts'
import type { ServedCounters } from './server.ts'
import type { CatchUpPeer } from './server-link.ts'
import type { InTurn } from './snapshot-source.ts'

/** How a store catches up with peers of this implementation. */
export interface CatchUpOptions {
  /** Names the cluster: peers that say another topic are not talked to. */
  readonly topic: string
  /** Peers of the same cluster that are connected now and speak the protocol, the best ones first. */
  peers(): readonly CatchUpPeer[]
  readonly limits?: Partial<CatchUpLimits> | undefined
  /** Whether an empty store takes in a snapshot of a trusted peer. Default true. */
  readonly snapshots?: boolean | undefined
  /** Whether old blocks are fetched after a snapshot, so that Go peers can join at this one. Default true. */
  readonly archive?: boolean | undefined
}

/** What catching up works with. */
export interface CatchUpParts {
  readonly storage: CrdtStorage
  readonly layout: Layout
  readonly blocks: DagBlocks
  /** The exchange to fall back to. */
  readonly exchange: DagExchange
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** Whether what was added and taken back is forgotten. */
  readonly isCollecting: boolean
  /** Runs between two turns of the store. */
  readonly inTurn: InTurn
  /**
   * Runs between two turns something that writes to the datastore itself; afterwards the store is read again.
   *
   * @param rewrite - returns by how many keys the store grew
   */
  rewrite(rewrite: () => Promise<number>): Promise<void>
  heads(): readonly Head[]
  /** Whether nothing is queued. */
  isSettled(): boolean
}

/** A snapshot that is being taken in. */
export interface IntakeStats {
  readonly isTakingIn: boolean
  /** Since the start: taken in as a whole, given up because something was wrong with them. */
  readonly taken: number
  readonly refused: number
  /** Of the one that is being taken in, or was last. */
  readonly keys: number
  readonly chunks: number
}

/** Old blocks that are filled in after a snapshot. */
export interface BackfillStats {
  readonly isDone: boolean
  /** Since the start. */
  readonly fetched: number
}

/** Figures of catching up, since the start unless said otherwise. */
export interface CatchUpStats {
  /** Whether blocks are fetched ahead now. */
  readonly isRunning: boolean
  readonly runs: number
  /** Servers that failed or broke the protocol. */
  readonly failures: number
  /** Blocks that the walk took from what was fetched ahead. */
  readonly prefetched: number
  /** Bytes that are on their way or wait for the walk, now. */
  readonly prefetchedBytesWaiting: number
  /** Whether this store can tell others which blocks there are. */
  readonly isIndexComplete: boolean
  readonly snapshot: IntakeStats
  readonly backfill: BackfillStats
  /** Whether every block that was merged is here. */
  readonly isArchive: boolean
  readonly served: Readonly<ServedCounters>
  readonly lastError: string | undefined
}
