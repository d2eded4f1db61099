import type { AppendRequest, AppendResponse, SnapshotRequest, SnapshotResponse } from '../messages.ts'
import { encodeConfiguration, encodeVoterAddresses } from '../wire/configuration.ts'
import type { LogEntry } from '../entry.ts'
import type { Leadership } from './leadership.ts'
import { backoffMs, type Inflight, type Progress } from './progress.ts'
import type { CoreState } from './state.ts'

/** Go sends a heartbeat ten times in the timeout. */
const HEARTBEATS_PER_TIMEOUT = 10
const SNAPSHOT_VERSION = 1

/** Sends what a follower lacks, as far as it may. @see wire-raft.md §3.8, §6.2 */
export function replicate(state: CoreState, leadership: Leadership, to: Progress): void {
  const { log, timing, nowMs } = state
  while (to.load === 0 && to.mode !== 'snapshot' && nowMs >= to.retryAtMs) {
    const isProbe = to.mode === 'probe'
    if (isProbe ? to.inflight.length > 0 : to.inflight.length >= timing.maxInflight) return
    if (to.inflight.length > 0 && to.inflightBytes >= timing.maxInflightBytes) return
    const previousTerm = state.termAt(to.next - 1)
    if (previousTerm === undefined || to.next < log.firstIndex) {
      sendSnapshot(state, leadership, to)
      return
    }
    const last = to.removedAt ?? log.lastIndex
    // after a failure the next try is small: it may fail again
    if (to.next > last || (isProbe && to.failures > 0)) {
      const isNews = state.commitIndex > to.notified && nowMs >= to.noticeAtMs
      const isDue = isProbe || isNews || (nowMs >= to.idleAtMs && to.inflight.length === 0)
      if (!isDue) return
      append(state, leadership, to, previousTerm, [])
      return
    }
    const entries = log.recent(to.next, last, timing.maxAppendEntries, timing.maxAppendBytes)
    if (entries === undefined) {
      to.load = state.nextEpoch()
      const end = Math.min(last, to.next + timing.maxAppendEntries - 1)
      state.effects.loads.push({ id: to.load, from: to.next, to: end, maxBytes: timing.maxAppendBytes })
      return
    }
    append(state, leadership, to, previousTerm, entries)
  }
}

/** Sends entries that had to be read from the disk; undefined: they are not there any more. */
export function onLoaded(
  state: CoreState,
  leadership: Leadership,
  to: Progress,
  entries: readonly LogEntry[] | undefined
): void {
  to.load = 0
  const previousTerm = state.termAt(to.next - 1)
  const isNext = entries?.[0]?.index === to.next && state.log.termAt(to.next) === entries[0].term
  if (entries !== undefined && previousTerm !== undefined && isNext)
    append(state, leadership, to, previousTerm, entries)
  replicate(state, leadership, to)
}

/** A sign of life. Its answer counts as contact, and confirms reads that were asked before it was sent. */
export function beat(state: CoreState, leadership: Leadership, to: Progress): void {
  const { nowMs, timing } = state
  to.heartbeatAtMs = nowMs + state.spread(timing.heartbeatTimeoutMs / HEARTBEATS_PER_TIMEOUT)
  if (to.heartbeat !== undefined) {
    // an answer that is so late helps nobody
    if (nowMs < to.heartbeat.sinceMs + timing.heartbeatTimeoutMs / 2) return
    to.heartbeatEpoch = state.nextEpoch()
  }
  const request: AppendRequest = {
    type: 'append',
    header: state.header,
    term: state.term,
    leader: state.id,
    previousIndex: 0,
    previousTerm: 0,
    entries: undefined,
    commitIndex: 0
  }
  const call = state.call(to.id, 'heartbeat', to.heartbeatEpoch, request)
  to.heartbeat = { call: call.id, sinceMs: nowMs, round: leadership.round }
  state.say(call)
}

/** What an append led to. Terms were looked at already. */
export function onAppendReply(state: CoreState, to: Progress, inflight: Inflight, response: AppendResponse): void {
  to.contactMs = state.nowMs
  if (response.success) {
    drop(to, inflight)
    to.failures = 0
    to.isFreshlyInstalled = false
    to.match = Math.max(to.match, inflight.lastIndex)
    to.next = Math.max(to.next, to.match + 1)
    to.mode = 'pipeline'
    to.round = Math.max(to.round, inflight.round)
    introduce(state, to)
    return
  }
  const next = Math.max(1, Math.min(inflight.previousIndex, response.lastLog + 1))
  giveUp(state, to)
  introduce(state, to)
  to.next = next
  to.round = Math.max(to.round, inflight.round)
  if (to.isFreshlyInstalled) {
    state.fault(`${to.id} refuses entries right after a snapshot was installed`)
    to.isFreshlyInstalled = false
    fail(state, to)
  } else if (!response.noRetryBackoff) fail(state, to)
  else to.failures = 0
}

/** An append, snapshot or load did not get through: all that is on its way is given up. */
export function onAppendFailed(state: CoreState, to: Progress): void {
  giveUp(state, to)
  to.next = to.match + 1
  if (to.match === 0) to.next = state.lastIndex + 1
  fail(state, to)
}

/** What a snapshot led to. */
export function onSnapshotReply(state: CoreState, to: Progress, response: SnapshotResponse | undefined): void {
  const sent = to.snapshot
  to.snapshot = undefined
  to.mode = 'probe'
  if (response !== undefined) to.contactMs = state.nowMs
  if (response?.success !== true || sent === undefined) {
    fail(state, to)
    return
  }
  introduce(state, to)
  to.failures = 0
  to.match = Math.max(to.match, sent.of.index)
  to.next = Math.max(sent.of.index + 1, to.match + 1)
  to.isFreshlyInstalled = true
}

/** Ends everything that is on its way to a follower. */
export function giveUp(state: CoreState, to: Progress): void {
  to.inflight = []
  to.inflightBytes = 0
  to.epoch = state.nextEpoch()
  to.load = 0
  to.mode = 'probe'
  to.notified = 0
}

/** It knows the term now: signs of life may begin. */
function introduce(state: CoreState, to: Progress): void {
  if (to.isIntroduced) return
  to.isIntroduced = true
  to.heartbeatAtMs = state.nowMs + state.spread(state.timing.heartbeatTimeoutMs / HEARTBEATS_PER_TIMEOUT)
}

function fail(state: CoreState, to: Progress): void {
  to.failures += 1
  to.retryAtMs = state.nowMs + backoffMs(to.failures, state.timing.heartbeatTimeoutMs / 2)
}

function drop(to: Progress, inflight: Inflight): void {
  to.inflight = to.inflight.filter((one) => one !== inflight)
  to.inflightBytes -= inflight.bytes
}

function append(
  state: CoreState,
  leadership: Leadership,
  to: Progress,
  previousTerm: number,
  entries: readonly LogEntry[]
): void {
  const previousIndex = to.next - 1
  const { commitIndex } = state
  const request: AppendRequest = {
    type: 'append',
    header: state.header,
    term: state.term,
    leader: state.id,
    previousIndex,
    previousTerm,
    entries,
    commitIndex
  }
  const call = state.call(to.id, 'append', to.epoch, request)
  const lastIndex = previousIndex + entries.length
  let bytes = 0
  for (const { encoded } of entries) bytes += encoded.length
  to.inflight.push({ call: call.id, previousIndex, lastIndex, bytes, commitIndex, round: leadership.round })
  to.inflightBytes += bytes
  to.next = lastIndex + 1
  to.notified = commitIndex
  to.noticeAtMs = state.nowMs + state.timing.commitNoticeMs
  to.idleAtMs = state.nowMs + state.spread(state.timing.heartbeatTimeoutMs / 2)
  state.say(call)
}

function sendSnapshot(state: CoreState, { progress }: Leadership, to: Progress): void {
  const { snapshot, nowMs, timing } = state
  if (snapshot === undefined) {
    state.fault(`${to.id} needs entry ${to.next}, which is neither in the log nor in a snapshot`)
    to.retryAtMs = nowMs + timing.heartbeatTimeoutMs
    return
  }
  let sending = 0
  for (const one of progress.values()) if (one.mode === 'snapshot') sending++
  if (sending >= timing.maxSnapshotsSent || to.inflight.length > 0) {
    to.retryAtMs = nowMs + timing.heartbeatTimeoutMs / 2
    return
  }
  const request: SnapshotRequest = {
    type: 'snapshot',
    header: state.header,
    version: SNAPSHOT_VERSION,
    term: state.term,
    leader: state.id,
    lastIndex: snapshot.index,
    lastTerm: snapshot.term,
    peers: encodeVoterAddresses(snapshot.configuration),
    configuration: encodeConfiguration(snapshot.configuration),
    configurationIndex: snapshot.configurationIndex,
    size: snapshot.size
  }
  const call = state.call(to.id, 'snapshot', state.nextEpoch(), request, snapshot)
  to.mode = 'snapshot'
  to.snapshot = { call: call.id, of: snapshot }
  state.say(call)
}
