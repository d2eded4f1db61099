/** Stable codes of {@link MsgpackError}. */
export type MsgpackErrorCode =
  /** The bytes end inside a value: more may come, or the sender broke off. */
  | 'MSGPACK_TRUNCATED'
  /** The bytes are no msgpack, or not of the expected type. */
  | 'MSGPACK_INVALID'
  /** A limit on depth, items or bytes was passed. */
  | 'MSGPACK_LIMIT'
  /** A number does not fit its type, when reading or writing. */
  | 'MSGPACK_RANGE'

/** Every error of this package. Compare by {@link MsgpackError.code}. */
export class MsgpackError extends Error {
  override readonly name = 'MsgpackError'
  readonly code: MsgpackErrorCode
  /** Position in the input after the byte that could not be used; undefined when writing. */
  readonly position: number | undefined

  constructor(code: MsgpackErrorCode, message: string, position?: number, cause?: unknown) {
    super(
      position === undefined ? message : `msgpack decode error [pos ${position}]: ${message}`,
      cause === undefined ? undefined : { cause }
    )
    this.code = code
    this.position = position
  }
}
