import type { ServerId } from '../configuration.ts'
import type { Snapshot } from './snapshot.ts'

/** An append on its way. */
export interface Inflight {
  readonly call: number
  readonly previousIndex: number
  /** Last index that it brings. */
  readonly lastIndex: number
  readonly bytes: number
  readonly commitIndex: number
  readonly round: number
}

/**
 * What a leader knows of one follower.
 * `probe`: one append at a time until one succeeds. `pipeline`: several on their way. `snapshot`: one is being sent.
 */
export interface Progress {
  readonly id: ServerId
  mode: 'probe' | 'pipeline' | 'snapshot'
  /** The next entry to send. */
  next: number
  /** Entries up to here are durable there and equal. */
  match: number
  inflight: Inflight[]
  inflightBytes: number
  epoch: number
  failures: number
  retryAtMs: number
  contactMs: number
  /** It answered a regular append of this term: only then heartbeats are sent. @see wire-raft.md §4.3 */
  isIntroduced: boolean
  heartbeat: { readonly call: number; readonly sinceMs: number; readonly round: number } | undefined
  heartbeatEpoch: number
  heartbeatAtMs: number
  noticeAtMs: number
  /** When an empty append is due, though nothing happens: a follower that restarted learns the commit index by it. */
  idleAtMs: number
  /** The greatest commit index that an append brought there or is bringing. */
  notified: number
  /** The load that is asked for; 0 if none. */
  load: number
  snapshot: { readonly call: number; readonly of: Snapshot } | undefined
  /** A snapshot was installed and nothing else since: a refusal now must not lead to the same snapshot at once. */
  isFreshlyInstalled: boolean
  /** The greatest read round that it answered. */
  round: number
  /** It was removed by this entry: it is told once, if it can be. */
  removedAt: number | undefined
}

export function newProgress(id: ServerId, next: number, nowMs: number, epoch: number): Progress {
  return {
    id,
    mode: 'probe',
    next,
    match: 0,
    inflight: [],
    inflightBytes: 0,
    epoch,
    failures: 0,
    retryAtMs: -Infinity,
    contactMs: nowMs,
    isIntroduced: false,
    heartbeat: undefined,
    heartbeatEpoch: epoch,
    heartbeatAtMs: Infinity,
    noticeAtMs: -Infinity,
    idleAtMs: Infinity,
    notified: 0,
    load: 0,
    snapshot: undefined,
    isFreshlyInstalled: false,
    round: 0,
    removedAt: undefined
  }
}

const FIRST_BACKOFF_MS = 10
const MAX_BACKOFF_POWER = 10

/** How long to wait after so many failures in a row. @see wire-raft.md §3.5 */
export function backoffMs(failures: number, maxMs: number): number {
  if (failures === 0) return 0
  return Math.min(maxMs, FIRST_BACKOFF_MS * 2 ** Math.max(0, Math.min(failures, MAX_BACKOFF_POWER + 2) - 2))
}
