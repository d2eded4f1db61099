import { ClusterError, type ErrorCode, isClusterError, toClusterError } from '@cluster/api'
import { HttpError } from '@cluster/http'
import { IpfsNodeError } from '@cluster/ipfs-node'

const codes: Readonly<Record<IpfsNodeError['code'], ErrorCode>> = {
  ALREADY_PINNED_RECURSIVELY: 'IPFS',
  BAD_BLOCK: 'CORRUPT',
  BAD_CID: 'BAD_REQUEST',
  BAD_PATH: 'BAD_REQUEST',
  BLOCK_NOT_FOUND: 'NOT_FOUND',
  BLOCK_TOO_LARGE: 'LIMIT',
  DAG_TOO_LARGE: 'LIMIT',
  GC_RUNNING: 'BUSY',
  HASH_MISMATCH: 'CORRUPT',
  NOT_OPEN: 'NOT_READY',
  NOT_PINNED: 'IPFS',
  NO_LINK: 'NOT_FOUND',
  PIN_INCOMPLETE: 'IPFS',
  STORAGE_FAILED: 'STORAGE',
  STORAGE_FULL: 'LIMIT',
  UNKNOWN_CODEC: 'NOT_SUPPORTED',
  UNKNOWN_HASH: 'NOT_SUPPORTED'
}

/** Errors of the engines below as those of the port. */
export function fromEngine(error: unknown): ClusterError {
  if (isClusterError(error)) return error
  if (error instanceof IpfsNodeError) return new ClusterError(codes[error.code], error.message, { cause: error })
  if (error instanceof HttpError) {
    return new ClusterError(error.code === 'ADDRESS_IN_USE' ? 'BUSY' : 'CONFIG_INVALID', error.message, {
      cause: error
    })
  }
  if (error instanceof Error && 'syscall' in error) return new ClusterError('STORAGE', error.message, { cause: error })
  return toClusterError(error, 'IPFS')
}
