/**
 * Why the store refused. Compare by `code`.
 *
 * - `ERR_CRDT_BAD_BLOCK`: a block is not a delta node, or breaks a limit; nothing of it was merged.
 * - `ERR_CRDT_BAD_BROADCAST`: an announcement cannot be read.
 * - `ERR_CRDT_BAD_STORE`: an entry of the datastore cannot be read; the message names its key.
 * - `ERR_CRDT_VERSION`: the datastore was written by a newer version.
 * - `ERR_CRDT_QUEUE_FULL`: too many operations wait.
 * - `ERR_CRDT_TOO_LARGE`: a key or value does not fit a block.
 * - `ERR_CRDT_FETCH`: a block was not found, or not in time.
 * - `ERR_CRDT_CATCH_UP`: a peer broke the catch-up protocol, or offers a snapshot that is wrong.
 * - `ERR_CRDT_CLOSED`: the store is closed or closing.
 */
export type CrdtErrorCode =
  | 'ERR_CRDT_BAD_BLOCK'
  | 'ERR_CRDT_BAD_BROADCAST'
  | 'ERR_CRDT_BAD_STORE'
  | 'ERR_CRDT_VERSION'
  | 'ERR_CRDT_QUEUE_FULL'
  | 'ERR_CRDT_TOO_LARGE'
  | 'ERR_CRDT_FETCH'
  | 'ERR_CRDT_CATCH_UP'
  | 'ERR_CRDT_CLOSED'

/**
 * Why a block or an announcement was refused.
 *
 * - `wrong-hash`: the bytes are not those of the CID.
 * - `block-too-large`, `too-many-links`, `too-many-entries`: it breaks a limit.
 * - `not-a-node`: not dag-pb.
 * - `foreign-link`: it links to what cannot be a block of the store.
 * - `bad-delta`: its content cannot be read.
 * - `broadcast-too-large`, `bad-broadcast`: the announcement as a whole.
 * - `foreign-head`: an announced head that cannot be a block of the store; the other heads count.
 */
export const REJECTION_REASONS = [
  'wrong-hash',
  'block-too-large',
  'too-many-links',
  'too-many-entries',
  'not-a-node',
  'foreign-link',
  'bad-delta',
  'broadcast-too-large',
  'bad-broadcast',
  'foreign-head'
] as const

/** See {@link REJECTION_REASONS}. */
export type RejectionReason = (typeof REJECTION_REASONS)[number]

/** The one error class of this package. */
export class CrdtError extends Error {
  override readonly name = 'CrdtError'
  readonly code: CrdtErrorCode
  /** Of `ERR_CRDT_BAD_BLOCK` and `ERR_CRDT_BAD_BROADCAST`. */
  readonly reason: RejectionReason | undefined

  constructor(code: CrdtErrorCode, message: string, options: { cause?: unknown; reason?: RejectionReason } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.reason = options.reason
  }
}

/** Why something was refused; `undefined` for other errors. */
export function reasonOf(error: unknown): RejectionReason | undefined {
  return error instanceof CrdtError ? error.reason : undefined
}

/** Whether another attempt at a block cannot be better. Bytes that are not those of the CID can: others may have them. */
export function isHopeless(error: unknown): boolean {
  const reason = reasonOf(error)
  return reason !== undefined && reason !== 'wrong-hash'
}

/** There is no such block: the name and code by which block stores and exchanges say so. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'ERR_NOT_FOUND'
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
