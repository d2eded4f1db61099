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
  | 'ERR_CRDT_CLOSED'

/** The one error class of this package. */
export class CrdtError extends Error {
  override readonly name = 'CrdtError'
  readonly code: CrdtErrorCode

  constructor(code: CrdtErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
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
