/** Stable codes of the errors of this package. */
export type IpfsNodeErrorCode =
  | 'BAD_BLOCK'
  | 'BAD_CID'
  | 'BLOCK_TOO_LARGE'
  | 'DAG_TOO_LARGE'
  | 'GC_RUNNING'
  | 'HASH_MISMATCH'
  | 'ALREADY_PINNED_RECURSIVELY'
  | 'NOT_PINNED'
  | 'NOT_OPEN'
  | 'PIN_INCOMPLETE'
  | 'STORAGE_FAILED'
  | 'STORAGE_FULL'
  | 'UNKNOWN_CODEC'
  | 'UNKNOWN_HASH'
  | 'BAD_PATH'
  | 'NO_LINK'

/** An error of the embedded node. Compare by `code`; `message` is for people. */
export class IpfsNodeError extends Error {
  override readonly name: string = 'IpfsNodeError'
  readonly code: IpfsNodeErrorCode | 'BLOCK_NOT_FOUND'

  constructor(code: IpfsNodeErrorCode | 'BLOCK_NOT_FOUND', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The block is not stored here. Its `name` is the one by which block exchanges tell it from other failures. */
export class BlockNotFoundError extends IpfsNodeError {
  override readonly name = 'NotFoundError'

  constructor(cid: { toString(): string }) {
    super('BLOCK_NOT_FOUND', `block not found: ${cid.toString()}`)
  }
}
