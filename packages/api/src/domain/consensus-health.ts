import type { CID } from 'multiformats/cid'
import type { Timestamp } from './timestamp.ts'

/**
 * How a consensus is.
 *
 * - `starting`: it cannot be used yet.
 * - `synced`: everything it has heard of is here.
 * - `syncing`: something is missing, and it is coming.
 * - `stuck`: something is missing or wrong, and it does not get better by itself; the reason says what to do.
 * - `stopped`: it was stopped.
 * - `unknown`: this consensus does not tell.
 */
export const CONSENSUS_STATES = ['starting', 'synced', 'syncing', 'stuck', 'stopped', 'unknown'] as const
/** One of {@link CONSENSUS_STATES}. */
export type ConsensusState = (typeof CONSENSUS_STATES)[number]

/** A tip of the history of the pinset. */
export interface ConsensusHead {
  readonly cid: CID
  readonly height: bigint
}

/** A block of the history that could not be fetched so far. */
export interface MissingBlock {
  readonly cid: CID
  /** How often it was tried. */
  readonly attempts: number
  /** What went wrong the last time. */
  readonly error: string
}

/** Most heads and missing blocks that a {@link ConsensusHealth} lists; the numbers beside them count all. */
export const MAX_HEALTH_ITEMS = 100

/** Where a consensus stands, for an operator who asks why a pin is not everywhere yet. */
export interface ConsensusHealth {
  /** The name of the component, such as `crdt`. */
  readonly consensus: string
  readonly state: ConsensusState
  /** Why, in one sentence. */
  readonly reason: string
  /** At most {@link MAX_HEALTH_ITEMS}. */
  readonly heads: readonly ConsensusHead[]
  readonly headCount: number
  readonly maxHeight: bigint
  /** Local operations that wait for their block. */
  readonly waitingOperations: number
  /** Blocks that are known and not merged yet. */
  readonly queuedBlocks: number
  /** Of these: on their way from other peers. */
  readonly fetchingBlocks: number
  /** Of these: tried in vain, at most {@link MAX_HEALTH_ITEMS}. */
  readonly missing: readonly MissingBlock[]
  readonly missingCount: number
  /** Whether the store is marked for a repair. */
  readonly dirty: boolean
  /** Whether this peer takes in the whole history for the first time. */
  readonly firstSync: boolean
  /** Blocks merged since the sync under way began, and those it knows of by now; both 0 when there is none. */
  readonly syncDone: number
  readonly syncKnown: number
  /** Blocks merged and refused since the start. */
  readonly mergedBlocks: number
  readonly rejectedBlocks: number
  /** Empty when nothing went wrong since the start. */
  readonly lastError: string
  readonly lastErrorAt: Timestamp | undefined
}

/** The health of a consensus that tells nothing but its state. */
export function plainConsensusHealth(consensus: string, state: ConsensusState, reason: string): ConsensusHealth {
  return {
    consensus,
    state,
    reason,
    heads: [],
    headCount: 0,
    maxHeight: 0n,
    waitingOperations: 0,
    queuedBlocks: 0,
    fetchingBlocks: 0,
    missing: [],
    missingCount: 0,
    dirty: false,
    firstSync: false,
    syncDone: 0,
    syncKnown: 0,
    mergedBlocks: 0,
    rejectedBlocks: 0,
    lastError: '',
    lastErrorAt: undefined
  }
}
