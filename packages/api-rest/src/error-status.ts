import { isClusterError, type ErrorCode } from '@cluster/api'
import { HttpError } from '@cluster/http'

/** What an error is to a client of the API. */
export interface RestFailure {
  readonly status: number
  readonly message: string
}

/** The text by which Go peers tell a missing pin, also after it has travelled through other peers. */
const NOT_PINNED = 'pin is not part of the pinset'

/** Statuses of error codes; all others are 500. The reference never uses 403 and 409. */
const statuses: Partial<Record<ErrorCode, number>> = {
  BAD_REQUEST: 400,
  LIMIT: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_IN_PINSET: 404,
  NOT_FOUND: 404
}

/**
 * The one place where errors become HTTP statuses.
 *
 * @see http-apis.md §1.11, §3.23
 */
export function failureOf(error: unknown): RestFailure {
  const message = error instanceof Error ? error.message : String(error)
  if (message === NOT_PINNED) return { status: 404, message }
  if (isClusterError(error)) return { status: statuses[error.code] ?? 500, message }
  return { status: error instanceof HttpError && error.code === 'NOT_MULTIPART' ? 400 : 500, message }
}
