import { changed, checkConfiguration, type ConfigurationChange } from '../configuration.ts'
import { EntryType, type LogEntry } from '../entry.ts'
import { RaftError, type RaftErrorCode } from '../errors.ts'
import type { AppendResponse, Reply } from '../messages.ts'
import { encodeConfiguration } from '../wire/configuration.ts'
import type { Input } from './input.ts'
import {
  appendOwn,
  beginLeadership,
  bestSuccessor,
  committedByMajority,
  confirmedReads,
  followServers,
  holdsLease,
  type Leadership
} from './leadership.ts'
import type { Progress } from './progress.ts'
import { beat, giveUp, onAppendFailed, onAppendReply, onLoaded, onSnapshotReply, replicate } from './replicate.ts'
import type { CoreState } from './state.ts'

type Asked = Extract<Input, { readonly type: 'propose' | 'change' | 'transfer' | 'read' }>

interface PendingChange {
  readonly id: number
  readonly change: ConfigurationChange
  readonly atMs: number
}

/** A server while it leads. @see wire-raft.md §3.8, §3.9, §4.3 */
export class Leader {
  readonly #state: CoreState
  readonly #leadership: Leadership
  #changes: PendingChange[] = []

  constructor(state: CoreState) {
    this.#state = state
    this.#leadership = beginLeadership(state)
  }

  get wakeAtMs(): number {
    const { leaseAtMs, transfer, progress } = this.#leadership
    const { commitIndex, timing, effects, log } = this.#state
    const { lastIndex } = log
    let at = Math.min(leaseAtMs, transfer?.deadlineMs ?? Infinity, effects.waitingSinceMs + timing.electionTimeoutMs)
    for (const one of progress.values()) {
      at = Math.min(at, one.heartbeatAtMs)
      if (one.mode === 'snapshot' || one.load > 0) continue
      if (one.mode === 'probe') {
        if (one.inflight.length === 0) at = Math.min(at, one.retryAtMs)
        continue
      }
      // entries go at once, or when an answer makes room; only a bare commit index waits a little
      const isNoticeDue = one.notified < commitIndex && one.next > (one.removedAt ?? lastIndex)
      if (one.inflight.length === 0) at = Math.min(at, one.idleAtMs)
      if (isNoticeDue && one.inflight.length < timing.maxInflight) at = Math.min(at, one.noticeAtMs)
    }
    return at
  }

  /** The first entry that a follower needs which is being brought up to date by a snapshot. */
  lowestNeeded(): number {
    let lowest = Infinity
    for (const { snapshot } of this.#leadership.progress.values()) {
      if (snapshot !== undefined) lowest = Math.min(lowest, snapshot.of.index)
    }
    return lowest
  }

  /** Fires what is due and sends what can be sent. Returns why leadership ends, if it does. */
  advance(): string | undefined {
    const state = this.#state
    const leadership = this.#leadership
    const { nowMs, timing, effects } = state
    if (nowMs - effects.waitingSinceMs >= timing.electionTimeoutMs) return 'the own disk does not answer'
    if (nowMs >= leadership.leaseAtMs && !holdsLease(state, leadership)) return 'no majority within the lease'
    const end = this.#commit()
    if (end !== undefined) return end
    this.#nextChange()
    this.#transfer()
    for (const { id, index } of confirmedReads(state, leadership)) {
      effects.outcomes.push({ type: 'readable', id, index })
    }
    for (const one of leadership.progress.values()) {
      if (nowMs >= one.heartbeatAtMs) beat(state, leadership, one)
      replicate(state, leadership, one)
    }
    return undefined
  }

  /** Leadership has ended: who waits is told. */
  end(why: string): void {
    const { effects } = this.#state
    const { transfer, reads } = this.#leadership
    const refusal = { code: 'RAFT_LEADERSHIP_LOST', message: `leadership lost: ${why}` } as const
    if (transfer !== undefined) effects.outcomes.push({ type: 'transferred', id: transfer.id })
    for (const { id } of [...reads, ...this.#changes]) effects.outcomes.push({ type: 'refused', id, refusal })
  }

  onAsked(input: Asked): void {
    const { effects, hasRoom, lastIndex } = this.#state
    if (input.type === 'read') {
      this.#read(input.id)
      return
    }
    if (input.type === 'transfer') {
      this.#beginTransfer(input)
      return
    }
    if (this.#leadership.transfer !== undefined) {
      this.#refuse(input.id, 'RAFT_TRANSFER_IN_PROGRESS', 'leadership transfer in progress')
    } else if (!hasRoom) {
      this.#refuse(input.id, 'RAFT_STORAGE_FULL', 'no room on the disk for the log')
    } else if (input.type === 'change') {
      if (this.#changes.length >= this.#state.timing.maxPendingChanges) {
        this.#refuse(input.id, 'RAFT_QUEUE_FULL', 'too many changes of the servers are waiting')
      } else this.#changes.push(input)
    } else {
      const { id, commands, atMs } = input
      const items = commands.map((data) => ({ type: EntryType.command, data }))
      if (items.length > 0) appendOwn(this.#state, items, atMs)
      effects.outcomes.push({ type: 'appended', id, first: lastIndex + 1, count: items.length, term: this.#state.term })
    }
  }

  onLoaded(load: number, entries: readonly LogEntry[] | undefined): void {
    for (const one of this.#leadership.progress.values()) {
      if (one.load === load) onLoaded(this.#state, this.#leadership, one, entries)
    }
  }

  /** Returns the term of the answer, or undefined if the call was none of these. */
  onReply(call: number, { error, body }: Reply): number | undefined {
    const state = this.#state
    const { transfer } = this.#leadership
    if (transfer?.call === call) return body === undefined ? 0 : state.term
    const found = this.#find(call)
    if (found === undefined) return undefined
    if (error !== '' || body === undefined || !('term' in body)) {
      this.#fail(found, call)
      return 0
    }
    if (body.term > state.term) return body.term
    if (body.term < state.term && body.type !== 'snapshot') {
      // it has not taken in what was sent, whatever it says
      this.#fail(found, call)
      return 0
    }
    const { one, inflight } = found
    if (one.heartbeat?.call === call) {
      one.round = Math.max(one.round, one.heartbeat.round)
      one.heartbeat = undefined
      one.contactMs = state.nowMs
      // a read came while it was on its way: only a later one counts
      if (this.#leadership.reads.some(({ round }) => round > one.round)) one.heartbeatAtMs = state.nowMs
      // it can be reached again: what waits need not wait longer
      if (one.failures > 0 && one.snapshot === undefined) one.retryAtMs = Math.min(one.retryAtMs, state.nowMs)
    } else if (body.type === 'snapshot') onSnapshotReply(state, one, body)
    else if (inflight !== undefined && body.type === 'append') this.#onAppendReply(one, inflight, body)
    return body.term
  }

  /** Returns whether the call was one of these. */
  onFailed(call: number): boolean {
    if (this.#leadership.transfer?.call === call) return true
    const found = this.#find(call)
    if (found === undefined) return false
    this.#fail(found, call)
    return true
  }

  #find(
    call: number
  ): { readonly one: Progress; readonly inflight: Progress['inflight'][number] | undefined } | undefined {
    for (const one of this.#leadership.progress.values()) {
      if (one.heartbeat?.call === call || one.snapshot?.call === call) return { one, inflight: undefined }
      const inflight = one.inflight.find((sent) => sent.call === call)
      if (inflight !== undefined) return { one, inflight }
    }
    return undefined
  }

  #fail({ one }: { readonly one: Progress }, call: number): void {
    const state = this.#state
    if (one.heartbeat?.call === call) {
      one.heartbeat = undefined
      one.heartbeatEpoch = state.nextEpoch()
      // it may have restarted: look whether it still has what it had
      one.idleAtMs = state.nowMs
      return
    }
    if (one.snapshot?.call === call) onSnapshotReply(state, one, undefined)
    else onAppendFailed(state, one)
    if (one.removedAt !== undefined) this.#forget(one)
  }

  #onAppendReply(one: Progress, inflight: Progress['inflight'][number], body: AppendResponse): void {
    onAppendReply(this.#state, one, inflight, body)
    if (one.removedAt !== undefined && one.match >= one.removedAt) this.#forget(one)
  }

  #forget(one: Progress): void {
    giveUp(this.#state, one)
    this.#leadership.progress.delete(one.id)
  }

  /** Returns why leadership ends, if it does: the leader was removed. */
  #commit(): string | undefined {
    const state = this.#state
    const index = committedByMajority(state, this.#leadership)
    if (index <= state.commitIndex) return undefined
    state.commitIndex = index
    if (!state.servers.commit(index)) return undefined
    return state.servers.isVoter(state.id) ? undefined : 'it was removed'
  }

  /** One change at a time, and none before an entry of the own term is committed. @see wire-raft.md §3.6 */
  #nextChange(): void {
    const state = this.#state
    const { firstIndex, transfer } = this.#leadership
    while (this.#changes.length > 0 && transfer === undefined) {
      if (!state.servers.isCommitted || state.commitIndex < firstIndex) return
      const next = this.#changes.shift()
      if (next === undefined) return
      const { id, change, atMs } = next
      const configuration = changed(state.servers.latest, change)
      if (configuration === state.servers.latest) {
        state.effects.outcomes.push({ type: 'readable', id, index: state.servers.latestIndex })
        continue
      }
      try {
        checkConfiguration(configuration)
      } catch (error) {
        const message = error instanceof RaftError ? error.message : String(error)
        this.#refuse(id, 'RAFT_BAD_CONFIGURATION', message)
        continue
      }
      const index = appendOwn(
        state,
        [{ type: EntryType.configuration, data: encodeConfiguration(configuration) }],
        atMs
      )
      state.servers.append(index, configuration)
      followServers(state, this.#leadership, index)
      state.effects.outcomes.push({ type: 'appended', id, first: index, count: 1, term: state.term })
    }
  }

  #read(id: number): void {
    const state = this.#state
    const { reads, firstIndex, progress } = this.#leadership
    if (reads.length >= state.timing.maxPendingReads) {
      this.#refuse(id, 'RAFT_QUEUE_FULL', 'too many reads are waiting')
      return
    }
    // before the first commit of the term it is not known what the leaders before have committed
    const index = Math.max(state.commitIndex, firstIndex)
    this.#leadership.round += 1
    reads.push({ id, index, round: this.#leadership.round })
    for (const one of progress.values()) {
      if (one.isIntroduced && one.heartbeat === undefined) one.heartbeatAtMs = state.nowMs
    }
  }

  #beginTransfer({ id, to }: { readonly id: number; readonly to: string | undefined }): void {
    const state = this.#state
    if (this.#leadership.transfer !== undefined) {
      this.#refuse(id, 'RAFT_TRANSFER_IN_PROGRESS', 'leadership transfer in progress')
      return
    }
    const successor = to ?? bestSuccessor(state, this.#leadership)
    if (successor === undefined || successor === state.id || !state.servers.isVoter(successor)) {
      this.#refuse(id, 'RAFT_NO_SUCCESSOR', 'cannot find peer')
      return
    }
    const deadlineMs = state.nowMs + state.timing.electionTimeoutMs
    this.#leadership.transfer = { id, to: successor, deadlineMs, call: 0 }
  }

  #transfer(): void {
    const state = this.#state
    const { transfer, progress } = this.#leadership
    if (transfer === undefined) return
    if (state.nowMs >= transfer.deadlineMs) {
      this.#leadership.transfer = undefined
      this.#refuse(transfer.id, 'RAFT_TRANSFER_TIMEOUT', 'leadership transfer timeout')
      return
    }
    if (transfer.call !== 0 || progress.get(transfer.to)?.match !== state.log.lastIndex) return
    const call = state.call(transfer.to, 'vote', state.nextEpoch(), { type: 'timeout-now', header: state.header })
    transfer.call = call.id
    state.say(call)
  }

  #refuse(id: number, code: RaftErrorCode, message: string): void {
    this.#state.effects.outcomes.push({ type: 'refused', id, refusal: { code, message } })
  }
}
