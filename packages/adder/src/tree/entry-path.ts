import { ClusterError } from '@cluster/api'

/** Most bytes of a path or of the target of a symbolic link: far above what file systems take. */
const MAX_PATH_BYTES = 65_536

/**
 * The parts of a path, cleaned as an absolute one: no empty parts, no dots, and `..` cannot escape. The empty path has
 * no parts.
 *
 * @throws {ClusterError} `LIMIT` for a path over {@link MAX_PATH_BYTES}
 * @see behaviours.md §6.3
 */
export function partsOf(path: string): readonly string[] {
  checkLength(path, 'path')
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
