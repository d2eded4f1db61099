import { isVoter } from '../configuration.ts'
import type { LogEntry } from '../entry.ts'
import type { AppendRequest, Reply, Request, TimeoutNowRequest } from '../messages.ts'
import { isHeartbeat, ZERO_HEADER } from '../messages.ts'
import type { RaftState } from '../ports.ts'
import { askPreVotes, askVotes, isWon, onVoteReply, type Election } from './election.ts'
import { onEntries } from './follow.ts'
import type { Input } from './input.ts'
import { Leader } from './leader.ts'
import type { Output } from './output.ts'
import { CoreState, type CoreOptions, type Restored } from './state.ts'
import type { Snapshot } from './snapshot.ts'
import { SnapshotIntake } from './snapshot-intake.ts'
import { onPreVote, onVote } from './vote.ts'

/** Versions that are taken: the own one, and the one before. @see wire-raft.md §3.4 */
const MIN_VERSION = 2
const MAX_VERSION = 3
const WRONG_VERSION = 'operation not supported with current protocol version'

/**
 * One Raft server as a pure state machine: an input and the time go in, what is to be done comes out. It reads no clock,
 * file or socket, and keeps no promise; the same inputs give the same outputs.
 *
 * What is to be stored and what may only be said then are one value, see {@link import('./output.ts').Write}.
 *
 * @see wire-raft.md §3.5 to §3.11, §4
 */
export class RaftCore {
  readonly #state: CoreState
  readonly #intake: SnapshotIntake
  #election: Election | undefined
  #leader: Leader | undefined
  /** When a follower looks whether its leader is still there. */
  #checkAtMs: number
  #hasWarned = false

  constructor(options: CoreOptions, restored: Restored, nowMs: number) {
    this.#state = new CoreState(options, restored, nowMs)
    this.#intake = new SnapshotIntake(this.#state)
    this.#checkAtMs = nowMs + this.#state.spread(options.timing.heartbeatTimeoutMs)
  }

  /** Takes one input. What it says must be done, in the order of the calls of `step`. */
  step(input: Input, nowMs: number): Output {
    const state = this.#state
    state.nowMs = nowMs
    if (state.role !== 'broken') {
      this.#take(input)
      if (this.role !== 'broken') this.#advance()
    } else this.#refuse(input)
    return state.effects.take()
  }

  /** When the next `tick` is due at the latest. */
  get wakeAtMs(): number {
    const state = this.#state
    if (state.role === 'broken') return Infinity
    if (this.#leader !== undefined) return this.#leader.wakeAtMs
    return state.role === 'candidate' ? (this.#election?.deadlineMs ?? Infinity) : this.#checkAtMs
  }

  get role(): RaftState['role'] {
    return this.#state.role
  }

  get commitIndex(): number {
    return this.#state.commitIndex
  }

  /** Entries up to here may be applied: committed, and durable here. */
  get appliableIndex(): number {
    const { commitIndex, log, snapshot } = this.#state
    return Math.max(Math.min(commitIndex, log.durableIndex), snapshot?.index ?? 0)
  }

  /** Entries that are in memory, as far as the limits allow; undefined if `from` is not. */
  recent(from: number, to: number, maxBytes: number): readonly LogEntry[] | undefined {
    return this.#state.log.recent(from, to, Infinity, maxBytes)
  }

  /** The snapshot that the log goes on behind. */
  get snapshot(): Snapshot | undefined {
    return this.#state.snapshot
  }

  /** How things stand. `appliedIndex` is that of {@link RaftCore.appliableIndex}. */
  get state(): RaftState {
    const { id, role, term, leader, commitIndex, log, snapshot, servers, hasHeardLeader } = this.#state
    return {
      id,
      role,
      term,
      leader,
      commitIndex,
      appliedIndex: this.appliableIndex,
      firstIndex: log.firstIndex,
      lastIndex: this.#state.lastIndex,
      snapshotIndex: snapshot?.index ?? 0,
      configuration: servers.latest,
      isConfigurationCommitted: servers.isCommitted,
      hasHeardLeader
    }
  }

  #take(input: Input): void {
    const state = this.#state
    switch (input.type) {
      case 'tick':
        break
      case 'request':
        this.#onRequest(input.id, input.request)
        break
      case 'reply':
        this.#onReply(input.call, input.reply)
        break
      case 'failed':
        if (this.#leader?.onFailed(input.call) !== true) this.#onVote(input.call, undefined)
        break
      case 'stored':
        this.#onStored(input.write)
        break
      case 'broken':
        this.#break(input.reason.message)
        break
      case 'room':
        state.hasRoom = input.hasRoom
        break
      case 'loaded':
        this.#leader?.onLoaded(input.load, input.entries)
        break
      case 'snapshot-taken':
        this.#compact(input)
        break
      case 'snapshot-received':
        this.#intake.onReceived(input.id, input.snapshot)
        break
      case 'propose':
      case 'change':
      case 'transfer':
      case 'read':
        if (this.#leader === undefined) this.#refuse(input)
        else this.#leader.onAsked(input)
        break
    }
  }

  /** Fires what is due, and follows up on what the input changed. */
  #advance(): void {
    const state = this.#state
    const { nowMs } = state
    if (this.#leader !== undefined) {
      const end = this.#leader.advance()
      if (end !== undefined) this.#follow(state.term, end)
    } else if (state.role === 'candidate') {
      if (this.#election !== undefined && nowMs >= this.#election.deadlineMs) this.#campaign(false)
    } else if (nowMs >= this.#checkAtMs) this.#checkLeader()
  }

  // Followers and candidates

  #checkLeader(): void {
    const state = this.#state
    const { heartbeatTimeoutMs } = state.timing
    this.#checkAtMs = state.nowMs + state.spread(heartbeatTimeoutMs)
    if (state.nowMs - state.contactMs < heartbeatTimeoutMs) return
    // without this a peer would refuse every candidate for a leader that is gone
    state.leader = undefined
    const { latest, isCommitted } = state.servers
    if (isVoter(latest, state.id)) {
      this.#hasWarned = false
      this.#campaign(false)
      return
    }
    if (this.#hasWarned) return
    this.#hasWarned = true
    if (latest.servers.length === 0) state.fault('no known peers, aborting election')
    else if (isCommitted) state.fault('not part of stable configuration, aborting election')
  }

  #campaign(isTransfer: boolean): void {
    const state = this.#state
    state.role = 'candidate'
    state.leader = undefined
    const deadlineMs = state.nowMs + state.spread(state.timing.electionTimeoutMs)
    if (isTransfer) {
      this.#election = askVotes(state, true, deadlineMs)
      return
    }
    this.#election = askPreVotes(state, deadlineMs)
    if (isWon(state, this.#election)) this.#election = askVotes(state, false, deadlineMs)
  }

  #onVote(call: number, reply: Reply | undefined): void {
    const state = this.#state
    const election = this.#election
    const from = election?.calls.get(call)
    if (election === undefined || from === undefined || state.role !== 'candidate') return
    election.calls.delete(call)
    const result = onVoteReply(state, election, from, reply?.body, reply?.error ?? '')
    if (typeof result === 'object') this.#follow(result.higherTerm, 'a newer term')
    else if (result === 'won') this.#onWon(election)
  }

  #onWon(election: Election): void {
    const state = this.#state
    if (election.stage === 'vote') {
      this.#lead()
      return
    }
    this.#election = askVotes(state, false, state.nowMs + state.spread(state.timing.electionTimeoutMs))
  }

  #lead(): void {
    const state = this.#state
    this.#election = undefined
    state.role = 'leader'
    state.leader = state.id
    state.hasHeardLeader = true
    this.#leader = new Leader(state)
  }

  /** Becomes a follower, of this term. Any change of the state clears the known leader. */
  #follow(term: number, why: string): void {
    const state = this.#state
    this.#election = undefined
    this.#leader?.end(why)
    this.#leader = undefined
    state.role = 'follower'
    state.leader = undefined
    this.#checkAtMs = state.nowMs + state.spread(state.timing.heartbeatTimeoutMs)
    if (term <= state.term) return
    state.term = term
    state.write({ stable: state.stable })
  }

  // Messages

  #onRequest(id: number, request: Request): void {
    const state = this.#state
    const { protocolVersion } = request.header
    if (!isHeartbeat(request) && (protocolVersion < MIN_VERSION || protocolVersion > MAX_VERSION)) {
      if (request.type === 'snapshot') state.effects.receives.push({ id, keep: false, request })
      state.effects.answers.push({ id, reply: { error: WRONG_VERSION, body: undefined } })
      return
    }
    switch (request.type) {
      case 'append':
        this.#onAppend(id, request)
        break
      case 'vote':
        onVote(state, id, request, (term) => {
          this.#follow(term, 'a newer term')
        })
        break
      case 'pre-vote':
        onPreVote(state, id, request)
        break
      case 'snapshot':
        this.#intake.onRequest(id, request, (term) => {
          this.#acknowledge(term, request)
        })
        break
      case 'timeout-now':
        this.#onTimeoutNow(id, request)
        break
    }
  }

  #onAppend(id: number, request: AppendRequest): void {
    const state = this.#state
    if (request.term < state.term) {
      const { header, term, lastIndex: lastLog } = state
      const body = { type: 'append', header, term, lastLog, success: false, noRetryBackoff: false } as const
      state.answer({ id, reply: { error: '', body } })
      return
    }
    this.#acknowledge(request.term, request)
    const unsafe = onEntries(state, id, request)
    if (unsafe !== undefined) this.#break(unsafe)
  }

  /** Follows the sender of a message that only a leader sends. */
  #acknowledge(
    term: number,
    request: { readonly header: { readonly id: string; readonly address: string }; readonly leader: string }
  ): void {
    const state = this.#state
    const { header, leader } = request
    const sender = header.id !== '' ? header.id : leader
    if (state.role === 'leader' && term === state.term && sender !== state.id) {
      this.#break(`${sender} leads in term ${term}, too`)
      return
    }
    if (term > state.term || state.role !== 'follower') this.#follow(term, `${sender} leads`)
    if (state.leader !== sender) state.hasHeardLeader = false
    state.leader = sender
    state.contactMs = state.nowMs
  }

  #onTimeoutNow(id: number, request: TimeoutNowRequest): void {
    const state = this.#state
    const { header } = request
    state.effects.answers.push({ id, reply: { error: '', body: { type: 'timeout-now', header: ZERO_HEADER } } })
    if (state.role !== 'follower' || state.leader !== header.id || !state.servers.isVoter(state.id)) return
    this.#campaign(true)
  }

  #onReply(call: number, reply: Reply): void {
    const higherTerm = this.#leader?.onReply(call, reply)
    if (higherTerm === undefined) this.#onVote(call, reply)
    else if (higherTerm > this.#state.term) this.#follow(higherTerm, 'a newer term')
  }

  // Storage

  #onStored(write: number): void {
    const state = this.#state
    const lastIndex = state.effects.stored(write, state.nowMs)
    if (lastIndex !== undefined) state.log.stored(lastIndex)
    const election = this.#election
    if (election === undefined || election.ownVoteWrite === 0 || write < election.ownVoteWrite) return
    election.ownVoteWrite = 0
    election.granted.add(state.id)
    if (isWon(state, election)) this.#onWon(election)
  }

  #compact({ snapshot, trailing }: { readonly snapshot: Snapshot; readonly trailing: number }): void {
    const state = this.#state
    if (snapshot.index <= (state.snapshot?.index ?? 0)) return
    state.snapshot = snapshot
    // a follower that is being sent an older snapshot goes on from there
    const needed = this.#leader?.lowestNeeded() ?? Infinity
    const upTo = Math.min(snapshot.index, state.log.lastIndex - trailing, needed)
    if (upTo < state.log.firstIndex) return
    state.log.truncateHead(upTo)
    state.write({ truncateHead: upTo })
  }

  /** Stops for good: storage failed, or what was seen cannot be. */
  #break(why: string): void {
    const state = this.#state
    this.#leader?.end(why)
    this.#leader = undefined
    this.#election = undefined
    state.role = 'broken'
    state.leader = undefined
    state.fault(why)
    // nothing that was going to be said may be said any more
    state.effects.answers = []
    state.effects.calls = []
    state.effects.writes = []
  }

  #refuse(input: Input): void {
    const isAsked =
      input.type === 'propose' || input.type === 'change' || input.type === 'transfer' || input.type === 'read'
    if (!isAsked) return
    const { effects, role } = this.#state
    const refusal =
      role === 'broken'
        ? ({ code: 'RAFT_STORAGE_FAILED', message: 'the server has stopped itself' } as const)
        : ({ code: 'RAFT_NOT_LEADER', message: 'node is not the leader' } as const)
    effects.outcomes.push({ type: 'refused', id: input.id, refusal })
  }
}
