import { ClusterError, toClusterError, type ErrorCode } from '@cluster/api'
import { CrdtError, type CrdtErrorCode } from '@cluster/merkle-crdt'

const codes: Record<CrdtErrorCode, ErrorCode> = {
  ERR_CRDT_BAD_BLOCK: 'CORRUPT',
  ERR_CRDT_BAD_BROADCAST: 'CORRUPT',
  ERR_CRDT_BAD_STORE: 'CORRUPT',
  ERR_CRDT_VERSION: 'STORAGE',
  // later it may work, so it is no fault of the request: APIs answer 500, as in the reference
  ERR_CRDT_QUEUE_FULL: 'BUSY',
  ERR_CRDT_TOO_LARGE: 'LIMIT',
  ERR_CRDT_FETCH: 'TIMEOUT',
  ERR_CRDT_CATCH_UP: 'REMOTE',
  ERR_CRDT_CLOSED: 'STOPPED'
}

/** How a damaged store is repaired, for the line that tells of it. */
const REPAIR =
  'Stop this peer, run "ipfs-cluster-service state cleanup" and start it: it fetches the pinset from the other peers. ' +
  'Without other peers run "state export", "state cleanup" and "state import", or restore a backup of its folder'

/** An error of the engine, or of the datastore below it, as one of the port. */
export function crdtError(error: unknown): ClusterError {
  if (error instanceof CrdtError) {
    const message = error.code === 'ERR_CRDT_BAD_STORE' ? `${error.message}. ${REPAIR}` : error.message
    return new ClusterError(codes[error.code], message, { cause: error })
  }
  return toClusterError(error, 'STORAGE')
}
