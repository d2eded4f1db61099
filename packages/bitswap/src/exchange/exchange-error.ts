import { ClusterError, type ErrorCode, toClusterError } from '@cluster/api'
import { BitswapError, type BitswapErrorCode } from '../errors.ts'

const codes: Readonly<Record<BitswapErrorCode, ErrorCode>> = {
  BITSWAP_NOT_STARTED: 'NOT_READY',
  BITSWAP_STOPPED: 'STOPPED',
  BITSWAP_INVALID_CID: 'BAD_REQUEST',
  BITSWAP_INSECURE_HASH: 'BAD_REQUEST',
  BITSWAP_INVALID_OPTION: 'CONFIG_INVALID',
  BITSWAP_WANTLIST_FULL: 'LIMIT',
  BITSWAP_BLOCK_TOO_LARGE: 'LIMIT',
  BITSWAP_SESSION_CLOSED: 'STOPPED',
  BITSWAP_MALFORMED: 'REMOTE'
}

/** An error of the engine as one of the port. */
export function exchangeError(error: unknown): ClusterError {
  if (!(error instanceof BitswapError)) return toClusterError(error)
  return new ClusterError(codes[error.code], error.message, { cause: error })
}

/** An error of the owner's store as one of the port. */
export function storageError(error: unknown): ClusterError {
  return toClusterError(error, 'STORAGE')
}
