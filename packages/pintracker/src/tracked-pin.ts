import { TrackerStatus, type Pin, type Timestamp, type TrackedPin } from '@cluster/api'
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
export function trackedOperation(operation: Operation): TrackedPin {
  const { pin, type, phase, timestamp, attempts, priority } = operation
  return trackedPin(pin, OPERATION_STATUS[type][phase], { timestamp, attempts, priority })
}

/** What is said of a CID from the index. Only operations have a time and a history of their own. */
export function trackedRecord(pin: Pin, status: TrackerStatus, record: IndexRecord | undefined): TrackedPin {
  if (status === TrackerStatus.unexpectedlyUnpinned) return trackedLost(pin)
  if (!isOperation(record)) return trackedPin(pin, status, { timestamp: pin.timestamp })
  const { at: timestamp, error, attempts, priority } = record
  return trackedPin(pin, status, { timestamp, error, attempts, priority })
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
