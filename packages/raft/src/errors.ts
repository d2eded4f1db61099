/** The reasons of a {@link RaftError}; stable, to be compared by programs. */
export type RaftErrorCode =
  /** The call must go to the leader, and this peer is not it. */
  | 'RAFT_NOT_LEADER'
  /** The leader lost its role before the entry was committed; the entry may be committed all the same. */
  | 'RAFT_LEADERSHIP_LOST'
  /** No operations are taken while leadership moves to another peer. */
  | 'RAFT_TRANSFER_IN_PROGRESS'
  /** Leadership did not move in time. */
  | 'RAFT_TRANSFER_TIMEOUT'
  /** There is no voter to take over. */
  | 'RAFT_NO_SUCCESSOR'
  /** The queue of proposals is full, or had no room in time. */
  | 'RAFT_QUEUE_FULL'
  /** One entry, message or snapshot is larger than the limit. */
  | 'RAFT_TOO_LARGE'
  /** A configuration that cannot be. */
  | 'RAFT_BAD_CONFIGURATION'
  /** There is state already, where none may be. */
  | 'RAFT_NOT_EMPTY'
  /** No room on the disk for the log: nothing is taken until there is. */
  | 'RAFT_STORAGE_FULL'
  /** A write or sync failed: what is on the disk is not known, the peer must stop. */
  | 'RAFT_STORAGE_FAILED'
  /** What is on the disk cannot be what was written. */
  | 'RAFT_CORRUPT'
  /** What this peer sees cannot be if all peers follow the rules: it stops rather than go on with doubt. */
  | 'RAFT_UNSAFE'
  /** The state machine failed: the peer must stop. */
  | 'RAFT_MACHINE_FAILED'
  /** There is nothing new to put into a snapshot. */
  | 'RAFT_NOTHING_NEW'
  /** A message that is not of this protocol. */
  | 'RAFT_BAD_MESSAGE'
  /** The other peer answered with an error. */
  | 'RAFT_REMOTE'
  /** The other peer cannot be reached, or did not answer in time. */
  | 'RAFT_UNREACHABLE'
  /** The node is stopped. */
  | 'RAFT_STOPPED'

/** What can go wrong here. Compare `code`, which is stable; the message is for people. */
export class RaftError extends Error {
  override readonly name = 'RaftError'
  readonly code: RaftErrorCode

  constructor(code: RaftErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
