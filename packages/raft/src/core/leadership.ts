import { quorumOf, type ServerId } from '../configuration.ts'
import { EntryType, type LogEntry } from '../entry.ts'
import { sealEntry } from '../wire/entry.ts'
import { timeOfMs } from '../wire/scalars.ts'
import { newProgress, type Progress } from './progress.ts'
import type { CoreState } from './state.ts'

/** A read that waits until a majority said that this peer still leads. */
interface PendingRead {
  readonly id: number
  readonly index: number
  readonly round: number
}

/** Leadership on its way to another peer. */
interface Transfer {
  readonly id: number
  readonly to: ServerId
  readonly deadlineMs: number
  call: number
}

/** What only a leader has. */
export interface Leadership {
  /** The first entry of the term: only from here on counting commits. */
  readonly firstIndex: number
  readonly progress: Map<ServerId, Progress>
  leaseAtMs: number
  round: number
  reads: PendingRead[]
  transfer: Transfer | undefined
}

/** Becomes leader: a no-op begins the term. @see wire-raft.md §3.8 */
export function beginLeadership(state: CoreState): Leadership {
  const firstIndex = state.lastIndex + 1
  const leadership: Leadership = {
    firstIndex,
    progress: new Map(),
    leaseAtMs: state.nowMs + state.timing.leaderLeaseTimeoutMs,
    round: 0,
    reads: [],
    transfer: undefined
  }
  for (const { id } of state.servers.latest.servers) {
    if (id !== state.id) leadership.progress.set(id, newProgress(id, firstIndex, state.nowMs, state.nextEpoch()))
  }
  appendOwn(state, [{ type: EntryType.noop, data: undefined }], undefined)
  return leadership
}

/** Appends entries to the own log, as the leader. Returns the first index. */
export function appendOwn(
  state: CoreState,
  items: readonly { readonly type: number; readonly data: Uint8Array | undefined }[],
  atMs: number | undefined
): number {
  const first = state.lastIndex + 1
  const { term } = state
  const appendedAt = atMs === undefined ? undefined : timeOfMs(atMs)
  const entries: LogEntry[] = items.map(({ type, data }, at) =>
    sealEntry({ index: first + at, term, type, data, extensions: undefined, appendedAt })
  )
  state.log.append(entries)
  state.write({ entries })
  return first
}

/**
 * How far a majority of the voters has the log on their disks, if an entry of this term is among it.
 *
 * @see wire-raft.md §3.8
 */
export function committedByMajority(state: CoreState, { progress, firstIndex }: Leadership): number {
  const matches: number[] = []
  for (const { id, suffrage } of state.servers.latest.servers) {
    if (suffrage !== 0) continue
    matches.push(id === state.id ? state.log.durableIndex : (progress.get(id)?.match ?? 0))
  }
  matches.sort((a, b) => a - b)
  const index = matches[Math.floor((matches.length - 1) / 2)] ?? 0
  if (index < firstIndex) return state.commitIndex
  return Math.max(index, state.commitIndex)
}

/** How many voters answered since `sinceMs`, the own vote included. */
function votersHeardSince(state: CoreState, { progress }: Leadership, sinceMs: number): number {
  let heard = 0
  for (const { id, suffrage } of state.servers.latest.servers) {
    if (suffrage !== 0) continue
    if (id === state.id || (progress.get(id)?.contactMs ?? -Infinity) >= sinceMs) heard++
  }
  return heard
}

/** Least time between two looks at the lease. */
const MIN_LEASE_CHECK_MS = 10

/**
 * Whether a majority was heard within the lease; then says when to look again.
 *
 * @see wire-raft.md §3.8
 */
export function holdsLease(state: CoreState, leadership: Leadership): boolean {
  const leaseMs = state.timing.leaderLeaseTimeoutMs
  const sinceMs = state.nowMs - leaseMs
  if (votersHeardSince(state, leadership, sinceMs) < quorumOf(state.servers.latest)) return false
  let oldestMs = state.nowMs
  for (const { contactMs } of leadership.progress.values()) {
    if (contactMs >= sinceMs) oldestMs = Math.min(oldestMs, contactMs)
  }
  leadership.leaseAtMs = Math.max(state.nowMs + MIN_LEASE_CHECK_MS, oldestMs + leaseMs)
  return true
}

/** The reads that a majority confirmed, taken out of those that wait. */
export function confirmedReads(state: CoreState, leadership: Leadership): PendingRead[] {
  if (leadership.reads.length === 0) return []
  const rounds: number[] = []
  for (const { id, suffrage } of state.servers.latest.servers) {
    if (suffrage === 0) rounds.push(id === state.id ? Infinity : (leadership.progress.get(id)?.round ?? 0))
  }
  rounds.sort((a, b) => a - b)
  const confirmed = rounds[Math.floor((rounds.length - 1) / 2)] ?? 0
  // an index that is not committed may be another's after all
  const isReady = ({ round, index }: PendingRead): boolean => round <= confirmed && index <= state.commitIndex
  const ready = leadership.reads.filter(isReady)
  if (ready.length > 0) leadership.reads = leadership.reads.filter((read) => !isReady(read))
  return ready
}

/** Keeps the followers those of the latest configuration; who was removed by `index` is told once. */
export function followServers(state: CoreState, { progress }: Leadership, index: number): void {
  const { servers } = state.servers.latest
  for (const { id } of servers) {
    if (id === state.id) continue
    const known = progress.get(id)
    if (known === undefined) progress.set(id, newProgress(id, state.lastIndex + 1, state.nowMs, state.nextEpoch()))
    else known.removedAt = undefined
  }
  for (const one of progress.values()) if (!state.servers.isMember(one.id)) one.removedAt ??= index
}

/** The voter that has most of the log. */
export function bestSuccessor(state: CoreState, { progress }: Leadership): ServerId | undefined {
  let best: Progress | undefined
  for (const { id, suffrage } of state.servers.latest.servers) {
    const one = progress.get(id)
    if (suffrage === 0 && one !== undefined && one.next > (best?.next ?? -1)) best = one
  }
  return best?.id
}
