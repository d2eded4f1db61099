import { isClusterError, type PinFailure } from '@cluster/api'
import { MAX_ERROR_LENGTH } from './index-record.ts'

/** Why an operation failed, for people and for programs. */
export interface Failure {
  readonly text: string
  readonly reason: PinFailure
}

const DISK_FULL = /no space left|enospc|quota exceeded|storagemax|repo is full|STORAGE_FULL/i
const DOWN = /is it running\?|connection refused|econnrefused|econnreset|socket hang up|broke off its answer/i
const REFUSED = /already pinned recursively|denylist|is blocked and cannot be provided|disallowed by configuration/i
const NO_PROGRESS = /no progress for/

/**
 * Tells why IPFS failed from what it said; the connectors' texts stay, so that what users search for is found.
 *
 * @param nodes - how many nodes of the content arrived in this run
 * @see behaviours.md §8 item 13
 */
export function failureOf(error: unknown, nodes: number): Failure {
  const said = (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LENGTH)
  const text = said === '' ? 'unknown error' : said
  if (isClusterError(error, 'TIMEOUT') || NO_PROGRESS.test(text)) {
    if (!NO_PROGRESS.test(text)) return { text, reason: 'ipfs_down' }
    return nodes === 0
      ? { text: `${text} (no providers found)`, reason: 'no_providers' }
      : { text: `${text} (after ${nodes} blocks)`, reason: 'no_progress' }
  }
  if (DISK_FULL.test(text) || DISK_FULL.test(causeOf(error))) return { text, reason: 'disk_full' }
  if (isClusterError(error, 'NOT_SUPPORTED', 'UNAUTHORIZED', 'BAD_REQUEST', 'CORRUPT') || REFUSED.test(text)) {
    return { text, reason: 'refused' }
  }
  return { text, reason: DOWN.test(text) || isClusterError(error, 'NOT_READY') ? 'ipfs_down' : 'failed' }
}

/** The code of what an error was made of, where there is one. */
function causeOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  if (!(cause instanceof Error)) return ''
  const { code } = cause as { readonly code?: unknown }
  return typeof code === 'string' ? code : cause.message
}
