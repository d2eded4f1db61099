/** Why reading from or writing to a stream failed. */
export type StreamErrorCode =
  /** The stream was closed, reset or aborted before the operation was done. */
  | 'stream_closed'
  /** The bytes ended inside a value or message. */
  | 'unexpected_end'
  /** A message or value is longer than the limit given. */
  | 'too_long'
  /** A length prefix is not a minimal unsigned varint. */
  | 'bad_length_prefix'
  /** Two reads of one reader at the same time. */
  | 'concurrent_read'

/** Error of this package: compare `code`, not the text. A reset keeps libp2p's error as `cause`. */
export class StreamError extends Error {
  readonly code: StreamErrorCode

  constructor(code: StreamErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StreamError'
    this.code = code
  }
}
