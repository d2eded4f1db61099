import { TrackerStatus, type Pin, type PinDepth } from '@cluster/api'

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
  /** For an unpin a bare pin: the CID and nothing else. Of many that wait it is left in the pinset until they run. */
  readonly pin: Pin | undefined
  readonly phase: Exclude<OperationPhase, 'failed'>
  /** Runs so far, the current one included. */
  readonly attempts: number
  /** Whether the pin goes before others. */
  readonly priority: boolean
  /** Whether nothing of it arrived for long, when it ran last or in this run. */
  readonly isSlow: boolean
  /** Whether IPFS is known not to have it pinned. */
  readonly isAbsent: boolean
  /** Whether something of it arrived in this run. */
  readonly hasProgress: boolean
  /** When it was queued, or its run began, in milliseconds since the Unix epoch. */
  readonly sinceMs: number
}

/** What is wanted of an {@link OperationQueue}. */
export interface Intent {
  readonly key: string
  readonly type: OperationType
  readonly pin: Pin
  /** Runs of failed operations of the same type that this one goes on from. */
  readonly attempts: number
  readonly isSlow?: boolean
  readonly isAbsent?: boolean
}

/** An operation as its queue changes it. */
export interface Entry extends Operation {
  pin: Pin | undefined
  /** Of the pin, which may not be at hand. */
  depth: PinDepth
  phase: 'queued' | 'running'
  attempts: number
  isSlow: boolean
  isAbsent: boolean
  hasProgress: boolean
  sinceMs: number
  /** When something of it last arrived, or its run began. */
  progressMs: number
  /** Its run was told to end, so that others may go first. */
  isSetAside: boolean
  /** The depth that the run under way was started with. */
  runDepth: PinDepth
  /** The line it waits in; none while it runs, or while an older run for the CID has not ended. */
  line: { remove(entry: Entry): void } | undefined
  before: Entry | undefined
  behind: Entry | undefined
}
