/**
 * Times and limits of a server. The defaults are those of the Go peer; servers of one cluster should have alike times.
 *
 * @see wire-raft.md §1.2, §3.5, §6.2
 */
export interface RaftTiming {
  /** A follower that has not heard of the leader for so long campaigns after up to twice the time. Default 1000. */
  readonly heartbeatTimeoutMs: number
  /** A round of an election lasts once to twice so long; a stuck disk or a transfer may take so long. Default 1000. */
  readonly electionTimeoutMs: number
  /** A leader that reached no majority for so long steps down. Default 500. */
  readonly leaderLeaseTimeoutMs: number
  /** Entries in one request. Go sends at most 64; Go takes any number. Default 1024. */
  readonly maxAppendEntries: number
  /** Bytes of entries in one request; one entry may be larger. Default 1 MiB: answered well within any timeout. */
  readonly maxAppendBytes: number
  /** Requests on their way to one follower. Default 2: a Go peer handles one after the other. */
  readonly maxInflight: number
  /** Bytes of entries on their way to one follower. Default 4 MiB. */
  readonly maxInflightBytes: number
  /** Least time between two messages that tell of a commit only. Default 5. */
  readonly commitNoticeMs: number
  /** Bytes of the newest entries that are kept in memory, at least the ones not yet durable. Default 64 MiB. */
  readonly maxRecentBytes: number
  /** Changes of the servers that may wait for the one before. Default 64. */
  readonly maxPendingChanges: number
  /** Reads that may wait for a majority. Default 65 536. */
  readonly maxPendingReads: number
  /** Snapshots that are sent at once. Default 2. */
  readonly maxSnapshotsSent: number
}

const MEBIBYTE = 1024 * 1024

/** The defaults of {@link RaftTiming}. */
export const defaultTiming: RaftTiming = {
  heartbeatTimeoutMs: 1000,
  electionTimeoutMs: 1000,
  leaderLeaseTimeoutMs: 500,
  maxAppendEntries: 1024,
  maxAppendBytes: MEBIBYTE,
  maxInflight: 2,
  maxInflightBytes: 4 * MEBIBYTE,
  commitNoticeMs: 5,
  maxRecentBytes: 64 * MEBIBYTE,
  maxPendingChanges: 64,
  maxPendingReads: 65_536,
  maxSnapshotsSent: 2
}
