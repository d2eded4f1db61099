/** Stable codes of the errors of this package. */
export type HttpErrorCode =
  | 'ADDRESS_IN_USE'
  | 'CANNOT_LISTEN'
  | 'BAD_CERTIFICATE'
  | 'BAD_IDENTITY'
  | 'BAD_RIGHTS'
  | 'TOO_MANY_CONNECTIONS'
  | 'CLOSED'
  | 'NOT_MULTIPART'
  | 'BAD_MULTIPART'
  | 'MULTIPART_LIMIT'
  | 'UPLOAD_ABORTED'

/** An error of the HTTP layer. Compare by `code`; `message` is for people and may be sent to the client. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: HttpErrorCode

  constructor(code: HttpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
