import type { ServerId } from '../configuration.ts'
import type { Header, Request } from '../messages.ts'
import { PROTOCOL_VERSION } from '../messages.ts'
import type { RaftTiming } from '../options.ts'
import type { TermRun } from '../ports.ts'
import { Effects, type Draft } from './effects.ts'
import { LogIndex } from './log-index.ts'
import type { Answer, Call, Lane, Role, StableState } from './output.ts'
import { ServerSet, type PlacedConfiguration } from './server-set.ts'
import type { Snapshot } from './snapshot.ts'

/** What a server finds on its disk when it starts. */
export interface Restored {
  readonly stable: StableState
  readonly firstIndex: number
  readonly lastIndex: number
  readonly terms: readonly TermRun[]
  /** The newest usable one. */
  readonly snapshot: Snapshot | undefined
  /** Of the log beyond the snapshot, lowest index first. */
  readonly configurations: readonly PlacedConfiguration[]
  /** Entries up to here are durable in the state machine, hence committed. */
  readonly appliedIndex: number
}

/** What a core is made of. */
export interface CoreOptions {
  readonly id: ServerId
  readonly timing: RaftTiming
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** What all roles share: term, vote, log, servers, and how to say and store something. */
export class CoreState {
  readonly id: ServerId
  readonly timing: RaftTiming
  readonly header: Header
  readonly log: LogIndex
  readonly servers: ServerSet
  readonly effects = new Effects()
  readonly random: () => number
  nowMs: number
  role: Role = 'follower'
  term: number
  voteTerm: number
  vote: string
  leader: ServerId | undefined
  /** When the leader was last heard, or a vote was given. */
  contactMs = -Infinity
  hasHeardLeader = false
  commitIndex: number
  snapshot: Snapshot | undefined
  hasRoom = true
  #callNumber = 0
  #epoch = 0

  constructor({ id, timing, random }: CoreOptions, restored: Restored, nowMs: number) {
    const { snapshot, stable, configurations } = restored
    this.id = id
    this.timing = timing
    this.random = random
    this.header = { protocolVersion: PROTOCOL_VERSION, id, address: id }
    this.nowMs = nowMs
    this.term = stable.term
    this.voteTerm = stable.voteTerm
    this.vote = stable.vote
    this.snapshot = snapshot
    const isBefore = snapshot !== undefined && restored.firstIndex === snapshot.index + 1
    const { firstIndex, lastIndex, terms } = restored
    this.log = new LogIndex(firstIndex, lastIndex, isBefore ? snapshot.term : 0, terms, timing.maxRecentBytes)
    const placed =
      snapshot === undefined ? [] : [{ index: snapshot.configurationIndex, configuration: snapshot.configuration }]
    this.servers = new ServerSet([...placed, ...configurations])
    this.commitIndex = Math.max(snapshot?.index ?? 0, restored.appliedIndex)
    this.servers.commit(this.commitIndex)
  }

  /** Somewhere from `ms` up to twice that. @see wire-raft.md §3.5 */
  spread(ms: number): number {
    return ms + this.random() * ms
  }

  get lastIndex(): number {
    return Math.max(this.log.lastIndex, this.snapshot?.index ?? 0)
  }

  get lastTerm(): number {
    const { log, snapshot } = this
    return snapshot !== undefined && log.lastIndex < snapshot.index ? snapshot.term : log.lastTerm
  }

  /** Whether a log that ends so is as complete as the own one. */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)
  }

  /** The term of an entry, also of the last one of the snapshot; 0 for the entry before all. */
  termAt(index: number): number | undefined {
    if (index === 0) return 0
    if (index === this.snapshot?.index) return this.snapshot.term
    const term = this.log.termAt(index)
    return term === 0 ? undefined : term
  }

  /** Term and vote as they should be on the disk. */
  get stable(): StableState {
    return { term: this.term, voteTerm: this.voteTerm, vote: this.vote }
  }

  /** Stores something, and says something when it is durable. Returns the number of the write. */
  write(draft: Draft, then: { calls?: readonly Call[]; answers?: readonly Answer[] } = {}): number {
    return this.effects.write(draft, this.log.lastIndex, this.nowMs, then)
  }

  /**
   * Answers as soon as everything that it tells is durable: term and vote, and with `upTo` the log up to there.
   */
  answer(answer: Answer, upTo = 0): void {
    if (this.effects.isStable && upTo <= this.log.durableIndex) this.effects.answers.push(answer)
    else this.write({}, { answers: [answer] })
  }

  /** Something to ask another peer; say it with {@link CoreState.say} or when a write is durable. */
  call(to: ServerId, lane: Lane, epoch: number, request: Request, snapshot?: Snapshot): Call {
    const address = this.servers.latest.servers.find((server) => server.id === to)?.address ?? to
    const id = ++this.#callNumber
    return { id, to, address, lane, epoch, request, ...(snapshot && { snapshot }) }
  }

  say(call: Call): void {
    if (this.effects.isStable) this.effects.calls.push(call)
    else this.write({}, { calls: [call] })
  }

  /** A number that was not used before, greater than all before. */
  nextEpoch(): number {
    return ++this.#epoch
  }

  fault(text: string): void {
    this.effects.faults.push(text)
  }
}
