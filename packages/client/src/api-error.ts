/** What went wrong with a request. */
export type ApiErrorCode =
  /** No answer came: the API cannot be reached, or the connection broke. */
  | 'UNREACHABLE'
  /** The API answered with an error. */
  | 'REFUSED'
  /** The API does not know who asks: no credentials, or wrong ones (401). */
  | 'UNAUTHORIZED'
  /** Who asks has no right to this (403). */
  | 'FORBIDDEN'
  /** The API answered, and an error came after the first items, in the trailer or as a broken stream. */
  | 'BROKEN'
  /** The answer is not what the API answers. */
  | 'UNEXPECTED'

/**
 * An error of a request to the REST API. Compare `code` or `status`, not the text.
 *
 * @see http-apis.md §4.3
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  /** The HTTP status of the error; 0 when there was no answer, 500 for errors at the end of a stream. */
  readonly status: number

  constructor(code: ApiErrorCode, status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.status = status
  }
}
