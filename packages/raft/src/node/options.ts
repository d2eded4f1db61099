import type { ServerId } from '../configuration.ts'
import type { RaftTiming } from '../options.ts'
import type { RaftClock, RaftLogger, RaftTransport, StateMachine } from '../ports.ts'
import type { RaftError } from '../errors.ts'
import type { RaftStorage } from './restore.ts'

/** When snapshots are taken. @see wire-raft.md §3.10, §6.4 */
export interface SnapshotPolicy {
  /** Entries since the last one from which on one is taken; a function may look at the state. Default 8192. */
  readonly threshold: number | (() => number)
  /** Entries that stay in the log behind a snapshot, for followers that lag. Default 10 240. */
  readonly trailing: number
  /** Time between two looks, up to twice that, so that servers do not all do it at once. Default 120 000. */
  readonly intervalMs: number
}

/** What a node is made of. */
export interface RaftNodeOptions extends RaftStorage {
  readonly id: ServerId
  readonly machine: StateMachine
  readonly transport: RaftTransport
  readonly timing?: Partial<RaftTiming>
  readonly snapshotPolicy?: Partial<SnapshotPolicy>
  /** Entries that may wait for the log; default 65 536. Beyond, calls wait. */
  readonly maxQueuedEntries?: number
  /** Bytes that may wait for the log; default 64 MiB. */
  readonly maxQueuedBytes?: number
  /** How long a call waits for room in the queue; default 1000. */
  readonly enqueueTimeoutMs?: number
  /** Bytes of one command; default 16 MiB. */
  readonly maxCommandBytes?: number
  /** A monotonic clock; default that of the machine. */
  readonly clock?: RaftClock
  /** Milliseconds since 1970, for the times of entries; default `Date.now`. */
  readonly wallMs?: () => number
  /** Default `Math.random`. */
  readonly random?: () => number
  /** Default: nothing is told. */
  readonly logger?: RaftLogger
  /** The node has stopped itself: storage failed, the state machine failed, or something cannot be. Called once. */
  readonly onFatal?: (error: RaftError) => void
}

/** The defaults of {@link SnapshotPolicy}. */
export const defaultSnapshotPolicy: SnapshotPolicy = { threshold: 8192, trailing: 10_240, intervalMs: 120_000 }

/** The clock of the machine that no change of the date moves. */
export const monotonicClock: RaftClock = {
  nowMs: () => performance.now(),
  setTimer: (atMs, fn) => {
    const timer = setTimeout(fn, Math.max(0, atMs - performance.now()))
    return () => {
      clearTimeout(timer)
    }
  }
}

const nothing = (): void => undefined

export const silent: RaftLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
