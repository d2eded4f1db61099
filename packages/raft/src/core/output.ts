import type { ServerId } from '../configuration.ts'
import type { LogEntry } from '../entry.ts'
import type { Reply, Request, SnapshotRequest } from '../messages.ts'
import type { Refusal } from './input.ts'
import type { Snapshot } from './snapshot.ts'

/** What a peer is. `broken`: its storage failed, or it saw what cannot be; it is silent. */
export type Role = 'follower' | 'candidate' | 'leader' | 'broken'

/** Which stream to a peer a call goes on. On one lane calls keep their order, and so do their answers. */
export type Lane = 'vote' | 'heartbeat' | 'append' | 'snapshot'

/** Something to ask another peer. Ends with one `reply` or `failed`. */
export interface Call {
  readonly id: number
  readonly to: ServerId
  readonly address: string
  readonly lane: Lane
  /** A greater one than before on this lane: what was asked before is given up, close the stream and open another. */
  readonly epoch: number
  readonly request: Request
  /** With a `snapshot` request: the data to send after it. */
  readonly snapshot?: Snapshot
}

/** What to answer to a request. */
export interface Answer {
  /** The id of the request. */
  readonly id: number
  readonly reply: Reply
}

/** Term and vote: one record, written as one. */
export interface StableState {
  readonly term: number
  /** The term of the last vote, and who got it. */
  readonly voteTerm: number
  readonly vote: string
}

/**
 * **Persist, then speak.** Something to put on the disk, and what may be said only when it is there. Writes are done in
 * the order of their numbers; many may be done with one sync. Then the shell says `then`, and tells the core (`stored`).
 * A write with nothing to store holds back its `then` until the writes before it are durable.
 *
 * @see wire-raft.md §4.2
 */
export interface Write {
  readonly number: number
  readonly stable?: StableState
  /** Drop the log from this index on, before `entries` follow: one atomic step with them. */
  readonly truncateFrom?: number
  readonly entries?: readonly LogEntry[]
  /** The whole log goes; its next entry will have this index. */
  readonly reset?: number
  /** Entries up to this index are not needed any more; this need not be durable. */
  readonly truncateHead?: number
  readonly then: { readonly calls: readonly Call[]; readonly answers: readonly Answer[] }
}

/** Entries that the core needs and does not have in memory: from `from`, not beyond `to`, about `maxBytes`, at least one. */
export interface Load {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly maxBytes: number
}

/** What to do with the data of a snapshot that is arriving. */
export interface Receive {
  /** The id of the request. */
  readonly id: number
  /** Whether to keep it: then answer with `snapshot-received`. Otherwise read and forget it. */
  readonly keep: boolean
  readonly request: SnapshotRequest
}

/** The outcome of something that was asked of the core. */
export type Outcome =
  /** In the log, not yet committed: `count` entries from `first` on, of this term. Done when the entry is applied. */
  | {
      readonly type: 'appended'
      readonly id: number
      readonly first: number
      readonly count: number
      readonly term: number
    }
  /** A read may be served once this index is applied. A change that changes nothing ends so, too. */
  | { readonly type: 'readable'; readonly id: number; readonly index: number }
  /** Leadership has gone. */
  | { readonly type: 'transferred'; readonly id: number }
  | { readonly type: 'refused'; readonly id: number; readonly refusal: Refusal }

/** What is to be done now. All arrays are to be worked off in order; those of one kind do not wait for other kinds. */
export interface Output {
  readonly writes: readonly Write[]
  /** May go at once. */
  readonly calls: readonly Call[]
  readonly answers: readonly Answer[]
  readonly loads: readonly Load[]
  readonly receives: readonly Receive[]
  readonly outcomes: readonly Outcome[]
  /** Replace the state by this snapshot before anything later is applied. */
  readonly restore: Snapshot | undefined
  /** Role, term, leader, commit index, configuration or timers may have changed. */
  readonly faults: readonly string[]
}
