/** The codes of {@link ClusterError}, with what each means. Codes are stable; texts may grow more helpful. */
export const errorCodes = {
  ABORTED: 'the caller broke off',
  BAD_REQUEST: 'the request itself is wrong: a field, an option, a path',
  BAD_PIN: 'the pin contradicts itself or a rule of the cluster',
  CONFIG_INVALID: 'the configuration is missing, unreadable or wrong',
  COMPONENT_INVALID: 'a component does not load, or is not what its place in the configuration asks for',
  NOT_FOUND: 'the thing is not there',
  NOT_IN_PINSET: 'the CID is not part of the pinset',
  FOLLOWER: 'write operations are disabled on this peer',
  NOT_ENOUGH_PEERS: 'fewer candidates than copies wanted',
  NOT_READY: 'the peer has not finished starting, or waited too long for it',
  NOT_SUPPORTED: 'the component has no such operation',
  STOPPED: 'the peer or component is stopped',
  TIMEOUT: 'a time limit was reached',
  LIMIT: 'a limit of size, length or number was reached',
  BUSY: 'the resource is held by another: a port, a lock, a folder',
  UNAUTHORIZED: 'the caller may not do this',
  FORBIDDEN: 'the caller is known, and has no right to do this',
  PEER_UNREACHABLE: 'another peer could not be asked',
  REMOTE: 'another peer answered with an error',
  IPFS: 'the IPFS side failed',
  STORAGE: 'reading or writing durable data failed',
  CORRUPT: 'data does not have the form or the hash that it must have',
  ADD_FAILED: 'content could not be added',
  INTERNAL: 'a fault of this program'
} as const
/** A code of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes

/**
 * The error of every port. Compare by `code`: bundles hold their own copy of the class.
 *
 * @example
 * ```ts
 * throw new ClusterError('NOT_IN_PINSET', 'pin is not part of the pinset')
 * ```
 */
export class ClusterError extends Error {
  override readonly name = 'ClusterError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether a thrown value is a {@link ClusterError}, of this copy of the class or another, and of one of the codes. */
export function isClusterError(error: unknown, ...codes: readonly ErrorCode[]): error is ClusterError {
  if (!(error instanceof Error) || error.name !== 'ClusterError') return false
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && (codes.length === 0 || codes.some((wanted) => wanted === code))
}

/** The thrown value as a {@link ClusterError}: itself, or wrapped under the given code with its text kept. */
export function toClusterError(error: unknown, code: ErrorCode = 'INTERNAL'): ClusterError {
  if (isClusterError(error)) return error
  if (error instanceof Error) {
    return new ClusterError(error.name === 'AbortError' ? 'ABORTED' : code, error.message, { cause: error })
  }
  return new ClusterError(code, String(error))
}
