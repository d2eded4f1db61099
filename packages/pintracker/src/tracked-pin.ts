import { timestampFromMs, TrackerStatus, type Pin, type Timestamp, type TrackedPin } from '@cluster/api'
import { isOperation, type IndexRecord } from './index-record.ts'
import { OPERATION_STATUS, type Operation } from './operation.ts'

/** The error of a pin that IPFS has lost, or never had. */
const NOT_PINNED_TEXT = 'the item should be pinned but it is not'

interface Particulars {
  readonly timestamp: Timestamp | undefined
  readonly error?: string
  readonly attempts?: number
  readonly priority?: boolean
}

/** What is said of a pin: what all peers say alike is taken from the pin. */
export function trackedPin(pin: Pin, status: TrackerStatus, particulars: Particulars): TrackedPin {
  const { cid, name, allocations, origins, metadata, timestamp: created } = pin
  const { timestamp, error = '', attempts: attemptCount = 0, priority: priorityPin = false } = particulars
  return { cid, name, allocations, origins, created, metadata, status, timestamp, error, attemptCount, priorityPin }
}

/** What is said of a CID that is waiting or under way. */
export function trackedOperation(pin: Pin, { type, phase, sinceMs, attempts, priority }: Operation): TrackedPin {
  return trackedPin(pin, OPERATION_STATUS[type][phase], { timestamp: timestampFromMs(sinceMs), attempts, priority })
}

/** What is said of a CID from the index. Only operations have a time and a history of their own. */
export function trackedRecord(pin: Pin, status: TrackerStatus, record: IndexRecord | undefined): TrackedPin {
  if (status === TrackerStatus.unexpectedlyUnpinned) return trackedLost(pin)
  if (!isOperation(record)) return trackedPin(pin, status, { timestamp: pin.timestamp })
  const { at: timestamp, error, reason, retryAtMs, attempts, priority } = record
  const tracked = trackedPin(pin, status, { timestamp, error, attempts, priority })
  if (error === '' || status === TrackerStatus.remote) return tracked
  return { ...tracked, reason, retryAt: retryAtMs === undefined ? undefined : timestampFromMs(retryAtMs) }
}

/** What is said of a pin that IPFS should have and does not. */
export function trackedLost(pin: Pin): TrackedPin {
  return trackedPin(pin, TrackerStatus.unexpectedlyUnpinned, { timestamp: pin.timestamp, error: NOT_PINNED_TEXT })
}

/** What is said when the status cannot be found out. */
export function trackedError(pin: Pin, error: unknown, timestamp: Timestamp): TrackedPin {
  const text = error instanceof Error ? error.message : String(error)
  return trackedPin(pin, TrackerStatus.clusterError, { timestamp, error: text })
}
