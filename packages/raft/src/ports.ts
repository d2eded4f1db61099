import type { LogEntry } from './entry.ts'
import type { Configuration, ServerId } from './configuration.ts'
import type { Call, StableState } from './core/output.ts'
import type { Snapshot } from './core/snapshot.ts'
import type { Reply, Request } from './messages.ts'

/** Time. `nowMs` must never go back: a monotonic clock. */
export interface RaftClock {
  nowMs(): number
  /** Calls `fn` once at that time or soon after; returns how to cancel it. */
  setTimer(atMs: number, fn: () => void): () => void
}

/** Where diagnostics go. */
export interface RaftLogger {
  debug(text: string, fields?: object): void
  info(text: string, fields?: object): void
  warn(text: string, fields?: object): void
  error(text: string, fields?: object): void
}

/** A run of entries of one term: from `from` up to the next run or the end. */
export interface TermRun {
  readonly from: number
  readonly term: number
}

/**
 * The durable log of one server, with its term and vote. One caller at a time writes; reads may come at any time.
 * Indexes have no gaps. After an error of `append`, `setStable`, `reset` or `truncateHead` with another code than
 * `RAFT_STORAGE_FULL` nothing is known about the disk, and every later write fails (`RAFT_STORAGE_FAILED`).
 *
 * @see wire-raft.md §6.3
 */
export interface RaftLog {
  /** The first index that is there, or that would be next if there is none. */
  readonly firstIndex: number
  /** The last index that is there; `firstIndex − 1` if there is none. */
  readonly lastIndex: number
  /** The term of an entry; undefined outside the log. */
  termAt(index: number): number | undefined
  /** All terms, lowest index first. */
  terms(): readonly TermRun[]
  /**
   * Entries from `from` to at most `to`, not more than fit into `maxBytes`, at least one; perhaps fewer than there
   * are. Undefined if `from` is outside.
   *
   * @throws RaftError `RAFT_CORRUPT` when what is read is not what was written
   */
  read(from: number, to: number, maxBytes: number): Promise<LogEntry[] | undefined>
  /**
   * Drops what is there from `truncateFrom` on, then appends; one atomic step. Durable when it resolves.
   *
   * @throws RaftError `RAFT_STORAGE_FULL` if there is no room: then nothing has changed
   */
  append(entries: readonly LogEntry[], truncateFrom?: number): Promise<void>
  /** Drops entries up to and including `upTo`. Need not be durable at once. */
  truncateHead(upTo: number): Promise<void>
  /** Drops everything; the next entry will have this index. Durable when it resolves. */
  reset(nextIndex: number): Promise<void>
  getStable(): StableState
  /** Writes term and vote as one record. Durable when it resolves. */
  setStable(state: StableState): Promise<void>
  close(): Promise<void>
}

/** Where the snapshots are. @see wire-raft.md §3.10 */
export interface SnapshotStore {
  /** Usable snapshots, newest first. */
  list(): Promise<readonly Snapshot[]>
  /** Its data, checked on the way. @throws RaftError `RAFT_CORRUPT` at the end when it is not what was written */
  open(snapshot: Snapshot, options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>
  /** Writes one; durable when it resolves. Removes the oldest beyond those to keep. */
  write(
    of: Omit<Snapshot, 'id' | 'size'>,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal; readonly size?: number }
  ): Promise<Snapshot>
}

/** An incoming request: how to answer it, and the data after the head of a snapshot. */
export interface Incoming {
  readonly request: Request
  /** Only with a `snapshot` request. What is left of it is skipped before the answer is sent. */
  readonly data?: AsyncIterable<Uint8Array>
  /** Sends the answer, after those of earlier requests of the same stream. */
  answer(reply: Reply): void
  /** Closes the stream without an answer. */
  drop(): void
}

/** How peers talk. */
export interface RaftTransport {
  /** From now on requests of others come here. Returns how to end that. */
  serve(handler: (incoming: Incoming) => void): Promise<() => Promise<void>>
  /**
   * Asks; the answers of one lane come in order. A later epoch of a lane ends the calls of earlier ones.
   *
   * @throws anything when there was no answer
   */
  call(
    call: Call,
    data: AsyncIterable<Uint8Array> | undefined,
    options: { readonly signal: AbortSignal }
  ): Promise<Reply>
  /** The server is gone: streams to it may be closed. */
  forget?(id: ServerId): void
}

/** What a state machine applies, and what it says about it. */
export interface StateMachine {
  /** Index of the last entry whose effect is durable in the state, 0 if none: called once at the start. */
  open(): Promise<number>
  /**
   * Applies entries in order: commands, and the others, too, so that the index can be kept. Atomic with the new applied
   * index if the state is durable by itself. Returns one result an entry; an `Error` as result is given to who proposed
   * the entry. A throw stops the peer.
   */
  apply(entries: readonly LogEntry[]): Promise<readonly unknown[]>
  /** The state as it is at the time of the call; later entries must not show in it. */
  snapshot(options: { readonly signal: AbortSignal }): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>
  /** Replaces the whole state by that of a snapshot, atomically, together with the applied index. */
  restore(snapshot: Snapshot, data: AsyncIterable<Uint8Array>): Promise<void>
}

/** What `RaftNode.state` tells. */
export interface RaftState {
  readonly id: ServerId
  readonly role: 'follower' | 'candidate' | 'leader' | 'broken'
  readonly term: number
  readonly leader: ServerId | undefined
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly snapshotIndex: number
  /** The latest configuration, committed or not. */
  readonly configuration: Configuration
  readonly isConfigurationCommitted: boolean
  /**
   * Whether this server leads, or took in a regular append of the present leader: before that `commitIndex` may be old, and
   * the state with it. Who waits for this and then for `appliedIndex` ≥ `commitIndex` is up to date.
   */
  readonly hasHeardLeader: boolean
}
