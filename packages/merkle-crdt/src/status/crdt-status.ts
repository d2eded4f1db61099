import type { CID } from 'multiformats/cid'
import type { RejectionReason } from '../errors.ts'

/**
 * - `synced`: everything that was announced is merged.
 * - `syncing`: blocks are fetched and merged, or a repair looks for missing ones.
 * - `stuck`: nothing moves before something outside changes: all blocks that are left could not be had (they are tried
 *   again), the datastore fails, or the store waits for a repair.
 */
export type SyncState = 'synced' | 'syncing' | 'stuck'

/** A state with its reason in plain words. */
export interface SyncVerdict {
  readonly state: SyncState
  readonly reason: string
}

/** A head and the height of its block. */
export interface CrdtHead {
  readonly cid: CID
  readonly height: bigint
}

/** A block that is not here. */
export interface MissingBlock {
  readonly cid: CID
  /** The head from which it was reached; itself if it was announced. */
  readonly root: CID
  /** Only announced: it is given up when nobody has it in time. Others are tried until they are here. */
  readonly isAnnounced: boolean
  /** Who announced the head, if the broadcaster told. */
  readonly announcedBy: string | undefined
  /** When it became known, in ms since 1970. */
  readonly sinceMs: number
  /** Attempts that failed. */
  readonly attempts: number
  /** Why the last one failed. */
  readonly lastReason: string | undefined
  /** When it is tried again, in ms since 1970; absent while it is fetched, or waits for its turn. */
  readonly nextTryMs: number | undefined
}

/** Something that failed. */
export interface CrdtFault {
  /** The `code` of the error, such as `ERR_CRDT_FETCH`. */
  readonly code: string | undefined
  readonly message: string
  /** In ms since 1970. */
  readonly atMs: number
}

/** A block or an announcement that was refused. */
export interface CrdtRejection {
  readonly reason: RejectionReason
  readonly message: string
  /** The block; absent for announcements. */
  readonly cid: CID | undefined
  /** Who announced it or its head, if the broadcaster told. */
  readonly from: string | undefined
}

/** How far the blocks that are known of are taken in, since nothing was queued last. */
export interface SyncProgress {
  /** Whether the store began empty. */
  readonly isFirst: boolean
  readonly done: number
  /** Blocks known of: at least as many as are queued, and as the highest head is high. It grows while walks go down. */
  readonly known: number
}

/** Counts since the store was opened. */
export interface CrdtCounters {
  /** Blocks of others taken in. */
  readonly merged: number
  /** Blocks made of local changes. */
  readonly published: number
  /** What was refused, by reason. */
  readonly rejected: Readonly<Record<RejectionReason, number>>
  /** Attempts to fetch a block that failed. */
  readonly failedFetches: number
  /** Announced heads that were given up: nobody had them in time, or newer ones needed the place. */
  readonly droppedHeads: number
  /** Writes that failed. */
  readonly failedWrites: number
}

/** What waits. */
export interface CrdtQueue {
  /** Blocks to be fetched or merged, those below included. */
  readonly jobs: number
  readonly fetching: number
  /** Announced heads that wait to be fetched. */
  readonly pendingHeads: number
  /** Blocks that wait for their next attempt. */
  readonly retrying: number
  /** Blocks that are here and wait to be merged. */
  readonly ready: number
  /** Local operations that wait for their block. */
  readonly waitingOperations: number
}

/** Everything that an operator needs to see whether the store is in step, and why not. */
export interface CrdtStatus extends SyncVerdict {
  /** Highest first, at most {@link MAX_LISTED}. */
  readonly heads: readonly CrdtHead[]
  readonly headCount: number
  readonly maxHeight: bigint
  readonly queue: CrdtQueue
  /** Longest missing first, at most {@link MAX_LISTED}. */
  readonly missing: readonly MissingBlock[]
  /** Whether the store is marked as having gaps, until a repair. */
  readonly isDirty: boolean
  readonly isRepairing: boolean
  readonly lastError: CrdtFault | undefined
  /** Absent when nothing is queued. */
  readonly progress: SyncProgress | undefined
  readonly counters: CrdtCounters
}

/** Most heads and missing blocks in a {@link CrdtStatus}. */
export const MAX_LISTED = 100

/** For watching only: what must arrive comes by `changes()`. */
export interface CrdtEvents {
  state: CustomEvent<SyncVerdict>
  /** The heads changed; highest first, at most {@link MAX_LISTED}. */
  heads: CustomEvent<readonly CrdtHead[]>
  progress: CustomEvent<SyncProgress>
  /** An attempt to fetch a block failed. */
  missing: CustomEvent<MissingBlock>
  rejected: CustomEvent<CrdtRejection>
  fault: CustomEvent<CrdtFault>
}
