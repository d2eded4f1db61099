/** What an entry of the log is. @see wire-raft.md §3.6 */
export const EntryType = {
  /** For the state machine. */
  command: 0,
  /** The first entry of each leader. */
  noop: 1,
  /** Deprecated: a whole configuration in an old form. Read, never written. */
  addPeer: 2,
  /** Deprecated, as {@link EntryType.addPeer}. */
  removePeer: 3,
  /** Does nothing but have an index. */
  barrier: 4,
  /** The servers from here on. */
  configuration: 5
} as const

/** The greatest type known; an entry beyond it is never taken. */
export const MAX_ENTRY_TYPE = 5

/** An entry as it is in a message. */
export interface WireEntry {
  readonly index: number
  readonly term: number
  readonly type: number
  readonly data: Uint8Array | undefined
  /** Always undefined today. */
  readonly extensions: Uint8Array | undefined
  /** When the leader appended it, in Go's binary form of 15 or 16 bytes; kept as it is, never looked at. */
  readonly appendedAt: Uint8Array | undefined
}

/** An entry of a log: what it is, and its bytes, which are made once and used for the disk and for every peer. */
export interface LogEntry extends WireEntry {
  /** The msgpack map of the entry: in messages and on the disk the same. */
  readonly encoded: Uint8Array
}
