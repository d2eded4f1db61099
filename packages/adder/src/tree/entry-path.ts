import { ClusterError } from '@cluster/api'

/** Most bytes of a path or of the target of a symbolic link: far above what file systems take. */
const MAX_PATH_BYTES = 65_536

/**
 * The parts of a path, cleaned as an absolute one: no empty parts, no dots, and `..` cannot escape. The empty path has
 * no parts.
 *
 * @throws {ClusterError} `LIMIT` for a path over {@link MAX_PATH_BYTES}, `BAD_REQUEST` for what {@link checkText} refuses
 * @see behaviours.md §6.3
 */
export function partsOf(path: string): readonly string[] {
  checkLength(path, 'path')
  checkText(path, 'name')
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

/** @throws {ClusterError} `LIMIT` for a text over {@link MAX_PATH_BYTES} */
export function checkLength(text: string, what: string): void {
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) {
    throw new ClusterError('LIMIT', `${what} is longer than ${MAX_PATH_BYTES} bytes: ${text.slice(0, 64)}…`)
  }
}

/**
 * Refuses what could not be read back: no file system takes a NUL, and what is no valid Unicode would become another
 * text.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 */
export function checkText(text: string, what: string): void {
  if (!text.includes('\0') && text.isWellFormed()) return
  const shown = JSON.stringify(text.slice(0, 64))
  if (text.includes('\0')) throw new ClusterError('BAD_REQUEST', `a ${what} cannot contain a NUL: ${shown}`)
  throw new ClusterError('BAD_REQUEST', `a ${what} is no valid Unicode: ${shown}`)
}
