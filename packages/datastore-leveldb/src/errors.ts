/**
 * Why a datastore refused. Compare by `code`: bundles hold their own copy of the class.
 *
 * - `ERR_DATASTORE_LOCKED`: another process, or this one, has the folder open.
 * - `ERR_DATASTORE_CORRUPT`: the files are there but LevelDB cannot read them.
 * - `ERR_DATASTORE_MISSING`: the folder has no database and `createIfMissing` is false.
 * - `ERR_DATASTORE_FOREIGN`: the folder holds files of something else (another engine's data).
 * - `ERR_DATASTORE_OPEN`: any other failure to open (rights, disk full, a file in the way).
 * - `ERR_DATASTORE_CLOSED`: used after `close()`.
 * - `ERR_DATASTORE_READ`, `ERR_DATASTORE_WRITE`: the operation failed; `cause` is LevelDB's error.
 * - `ERR_DATASTORE_BUSY`: more than {@link MAX_QUEUED_BYTES} wait to be written.
 */
export type DatastoreErrorCode =
  | 'ERR_DATASTORE_LOCKED'
  | 'ERR_DATASTORE_CORRUPT'
  | 'ERR_DATASTORE_MISSING'
  | 'ERR_DATASTORE_FOREIGN'
  | 'ERR_DATASTORE_OPEN'
  | 'ERR_DATASTORE_CLOSED'
  | 'ERR_DATASTORE_READ'
  | 'ERR_DATASTORE_WRITE'
  | 'ERR_DATASTORE_BUSY'

/** The one error class of this package. A missing key is a {@link NotFoundError} instead. */
export class DatastoreError extends Error {
  override readonly name = 'DatastoreError'
  readonly code: DatastoreErrorCode

  constructor(code: DatastoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** There is no such key: the name and code by which every interface-datastore says so. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'ERR_NOT_FOUND'
}
