import { isRemotePin, PinType, timestampFromMs, TrackerStatus, type Pin, type TrackedPin } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** Something to be done for a CID, or a pin that was done. */
export interface MemoryOperation {
  readonly key: string
  readonly type: 'pin' | 'unpin' | 'remote'
  readonly cid: CID
  pin: Pin | undefined
  phase: 'queued' | 'running' | 'failed' | 'done'
  /** Runs so far, the current one included. */
  attempts: number
  error: string
  /** Time of the last change of phase. */
  atMs: number
  readonly priority: boolean
  /** When what failed is tried again. */
  retryAtMs: number | undefined
}

const STATUS: Readonly<
  Record<MemoryOperation['type'], Readonly<Record<Exclude<MemoryOperation['phase'], 'done'>, TrackerStatus>>>
> = {
  pin: { queued: TrackerStatus.pinQueued, running: TrackerStatus.pinning, failed: TrackerStatus.pinError },
  unpin: { queued: TrackerStatus.unpinQueued, running: TrackerStatus.unpinning, failed: TrackerStatus.unpinError },
  remote: { queued: TrackerStatus.remote, running: TrackerStatus.remote, failed: TrackerStatus.remote }
}

/** What a pin asks of a peer. */
export function memoryDuty(pin: Pin, self: PeerId): 'pin' | 'remote' | 'none' {
  if (pin.type === PinType.meta) return 'none'
  return isRemotePin(pin, self) ? 'remote' : 'pin'
}

/** Whether what was pinned to one depth is enough for another. */
export function coversDepth(pinned: Pin, wanted: Pin): boolean {
  return pinned.maxDepth !== 0 || wanted.maxDepth === 0
}

/** What is said of a CID. */
export function memoryInfo(
  cid: CID,
  pin: Pin | undefined,
  status: TrackerStatus,
  about: { readonly atMs?: number; readonly error?: string; readonly attempts?: number; readonly priority?: boolean }
): TrackedPin {
  const { atMs = 0, error = '', attempts = 0, priority = false } = about
  return {
    cid,
    name: pin?.name ?? '',
    allocations: pin?.allocations,
    origins: pin?.origins,
    created: pin?.timestamp,
    metadata: pin?.metadata,
    status,
    timestamp: atMs === 0 ? pin?.timestamp : timestampFromMs(atMs),
    error,
    attemptCount: attempts,
    priorityPin: priority
  }
}

/** What is said of a CID that is waiting, under way or failed. */
export function memoryOperationInfo(operation: MemoryOperation, pin: Pin | undefined): TrackedPin {
  const { cid, type, phase, retryAtMs } = operation
  const status = phase === 'done' ? TrackerStatus.pinned : STATUS[type][phase]
  const info = memoryInfo(cid, operation.pin ?? pin, status, operation)
  if (phase !== 'failed') return info
  return { ...info, reason: 'failed', retryAt: retryAtMs === undefined ? undefined : timestampFromMs(retryAtMs) }
}
