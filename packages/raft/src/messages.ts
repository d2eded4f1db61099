import type { WireEntry } from './entry.ts'
import type { ServerId } from './configuration.ts'

/** What every message begins with. A zero header has version 0 and empty texts. @see wire-raft.md §3.3 */
export interface Header {
  readonly protocolVersion: number
  readonly id: ServerId
  readonly address: string
}

/** Entries for a follower, a new commit index, or just a sign of life. */
export interface AppendRequest {
  readonly type: 'append'
  readonly header: Header
  readonly term: number
  readonly leader: string
  readonly previousIndex: number
  readonly previousTerm: number
  /** Undefined in heartbeats. */
  readonly entries: readonly WireEntry[] | undefined
  readonly commitIndex: number
}

export interface AppendResponse {
  readonly type: 'append'
  readonly header: Header
  readonly term: number
  /** The last index of the follower before it looked at the request. */
  readonly lastLog: number
  readonly success: boolean
  readonly noRetryBackoff: boolean
}

export interface VoteRequest {
  readonly type: 'vote'
  readonly header: Header
  readonly term: number
  readonly candidate: string
  readonly lastIndex: number
  readonly lastTerm: number
  readonly isTransfer: boolean
}

export interface VoteResponse {
  readonly type: 'vote'
  readonly header: Header
  readonly term: number
  /** Legacy; always undefined from us. */
  readonly peers: Uint8Array | undefined
  readonly granted: boolean
}

export interface PreVoteRequest {
  readonly type: 'pre-vote'
  readonly header: Header
  /** The term that the sender would campaign in. */
  readonly term: number
  readonly lastIndex: number
  readonly lastTerm: number
}

export interface PreVoteResponse {
  readonly type: 'pre-vote'
  readonly header: Header
  readonly term: number
  readonly granted: boolean
}

/** The head of a snapshot: `size` bytes of data follow it on the stream. */
export interface SnapshotRequest {
  readonly type: 'snapshot'
  readonly header: Header
  readonly version: number
  readonly term: number
  readonly leader: string
  readonly lastIndex: number
  readonly lastTerm: number
  /** Legacy: the addresses of the voters as a msgpack array; not read. */
  readonly peers: Uint8Array | undefined
  /** Undecoded: what is no configuration must only matter if the snapshot is wanted. */
  readonly configuration: Uint8Array | undefined
  readonly configurationIndex: number
  readonly size: number
}

export interface SnapshotResponse {
  readonly type: 'snapshot'
  readonly header: Header
  readonly term: number
  readonly success: boolean
}

/** The leader asks for a campaign at once. */
export interface TimeoutNowRequest {
  readonly type: 'timeout-now'
  readonly header: Header
}

export interface TimeoutNowResponse {
  readonly type: 'timeout-now'
  readonly header: Header
}

/** What one peer asks of another. */
export type Request = AppendRequest | VoteRequest | PreVoteRequest | SnapshotRequest | TimeoutNowRequest

/** The body of an answer. */
export type Response = AppendResponse | VoteResponse | PreVoteResponse | SnapshotResponse | TimeoutNowResponse

/** An answer as it is on the wire: an error text (empty: none) and a body (undefined: nil). */
export interface Reply {
  readonly error: string
  readonly body: Response | undefined
}

/** The version of the protocol that is spoken, the newest there is. */
export const PROTOCOL_VERSION = 3

/** The header of `InstallSnapshotResponse` and `TimeoutNowResponse`. */
export const ZERO_HEADER: Header = { protocolVersion: 0, id: '', address: '' }

/**
 * Whether an append is a heartbeat: Go answers these beside everything else and without a look at the version.
 *
 * @see wire-raft.md §3.8
 */
export function isHeartbeat(request: Request): boolean {
  return (
    request.type === 'append' &&
    request.term !== 0 &&
    (request.leader !== '' || request.header.address !== '') &&
    request.previousIndex === 0 &&
    request.previousTerm === 0 &&
    request.commitIndex === 0 &&
    (request.entries === undefined || request.entries.length === 0)
  )
}
