import { ClusterError } from '@cluster/api'

/** An error that the daemon answered with. */
export class KuboError extends ClusterError {
  /** What the daemon said. */
  readonly kuboMessage: string
  /** The HTTP status; 200 when the error came after the answer had begun. */
  readonly status: number

  /** @param call - path and query of the call */
  constructor(call: string, status: number, kuboMessage: string) {
    super('IPFS', `IPFS error (${call}). Code: ${status}. Message: ${kuboMessage}`)
    this.kuboMessage = kuboMessage
    this.status = status
  }
}

/** Whether the daemon answered that the CID is not pinned in the way that was asked for. */
export function saysNotPinned(error: unknown): boolean {
  return error instanceof KuboError && error.kuboMessage.endsWith('not pinned')
}

/** Whether the daemon had nothing to unpin. */
export function saysNothingToUnpin(error: unknown): boolean {
  return error instanceof KuboError && error.kuboMessage.endsWith('not pinned or pinned indirectly')
}

/** Whether the daemon refused a direct pin because a recursive one is there. */
export function saysPinnedRecursively(error: unknown): boolean {
  return error instanceof KuboError && error.kuboMessage.endsWith('already pinned recursively')
}

/** Whether the pin that should be updated is not there. */
export function saysNoPinToUpdate(error: unknown): boolean {
  return error instanceof KuboError && error.kuboMessage.endsWith("'from' cid was not recursively pinned already")
}
