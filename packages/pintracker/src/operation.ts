import { TrackerStatus, type Pin, type Timestamp } from '@cluster/api'

/** What is to be done at the IPFS side. `remote` unpins what others hold. */
export type OperationType = 'pin' | 'unpin' | 'remote'
/** Where an operation stands. */
type OperationPhase = 'queued' | 'running' | 'failed'

/** The status that an operation stands for. */
export const OPERATION_STATUS: Readonly<Record<OperationType, Readonly<Record<OperationPhase, TrackerStatus>>>> = {
  pin: { queued: TrackerStatus.pinQueued, running: TrackerStatus.pinning, failed: TrackerStatus.pinError },
  unpin: { queued: TrackerStatus.unpinQueued, running: TrackerStatus.unpinning, failed: TrackerStatus.unpinError },
  remote: { queued: TrackerStatus.remote, running: TrackerStatus.remote, failed: TrackerStatus.remote }
}

/**
 * Something to be done for one CID. There is at most one current operation per CID; it is replaced by a newer one of
 * another type, and gone once it succeeded or failed.
 *
 * @see behaviours.md §4.2
 */
export interface Operation {
  /** Place of the CID in pinset order. */
  readonly key: string
  readonly type: OperationType
  /** For an unpin a bare pin: the CID and nothing else. */
  readonly pin: Pin
  readonly phase: Exclude<OperationPhase, 'failed'>
  /** Runs so far, the current one included. */
  readonly attempts: number
  /** Whether the pin goes before others. */
  readonly priority: boolean
  /** When it was queued, or its run began. */
  readonly timestamp: Timestamp
}
