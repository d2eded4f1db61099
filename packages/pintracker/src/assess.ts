import { IPFSPinStatus, isRemotePin, PinType, TrackerStatus, type Pin, type PinDepth } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { isOperation, type IndexRecord } from './index-record.ts'
import { OPERATION_STATUS, type OperationType } from './operation.ts'

/** What a pin asks of this peer: pin it, make sure that it is not pinned, or nothing. */
type Duty = 'pin' | 'remote' | 'none'

/** @see behaviours.md §4.4 */
export function dutyOf(pin: Pin, self: PeerId): Duty {
  if (pin.type === PinType.meta) return 'none'
  return isRemotePin(pin, self) ? 'remote' : 'pin'
}

/** Whether what is pinned to one depth fulfils a pin to another: all of a DAG covers its root, not the reverse. */
function coversDepth(pinned: PinDepth, wanted: PinDepth): boolean {
  return pinned !== 0 || wanted === 0
}

/** What is to be done about a CID, seen from the pinset and the index alone. */
type Step =
  | { readonly type: 'none' }
  /** An operation to queue. */
  | { readonly type: OperationType }
  /** An operation that failed; its time will come. */
  | { readonly type: 'wait'; readonly untilMs: number }

const NONE: Step = { type: 'none' }

/**
 * Compares what the pinset wants with what the index knows. What the index does not know is pinned (the connector finds
 * out quickly when it was already), but not unpinned: it is not ours.
 */
export function stepFor(pin: Pin | undefined, record: IndexRecord | undefined, self: PeerId): Step {
  if (pin === undefined) return record === undefined ? NONE : goOn('unpin', record)
  const duty = dutyOf(pin, self)
  if (duty === 'none') return NONE
  if (duty === 'remote') return record === undefined ? NONE : goOn('remote', record)
  if (record?.state === 'pinned' && coversDepth(record.depth ?? -1, pin.maxDepth)) return NONE
  return goOn('pin', record)
}

/** An operation of this type, unless one failed and its next try is set. */
function goOn(type: OperationType, record: IndexRecord | undefined): Step {
  if (record?.state === type && isFailed(record)) return { type: 'wait', untilMs: record.retryAtMs ?? 0 }
  return { type }
}

/** Whether a record is of an operation whose last run failed. */
export function isFailed(record: IndexRecord): boolean {
  return record.error !== '' && record.state !== 'lost'
}

/**
 * The status that follows from pinset and index; `ask` when only IPFS can tell, `undefined` when there is nothing to
 * list.
 *
 * @see behaviours.md §4.5, §4.6
 */
export function statusFrom(
  pin: Pin | undefined,
  record: IndexRecord | undefined,
  self: PeerId
): TrackerStatus | 'ask' | undefined {
  if (pin === undefined) return record?.state === 'unpin' ? operationStatus('unpin', record) : undefined
  const duty = dutyOf(pin, self)
  if (duty === 'none') return TrackerStatus.sharded
  if (duty === 'remote') return TrackerStatus.remote
  switch (record?.state) {
    case 'pinned':
      return coversDepth(record.depth ?? -1, pin.maxDepth) ? TrackerStatus.pinned : TrackerStatus.unexpectedlyUnpinned
    case 'lost':
      return TrackerStatus.unexpectedlyUnpinned
    case 'pin':
      return operationStatus('pin', record)
    case 'unpin':
    case 'remote':
    case undefined:
      return 'ask'
  }
}

/** The status of what is still to be done; undefined of what is not. */
export function statusOfOperation(record: IndexRecord): TrackerStatus {
  return isOperation(record) ? operationStatus(record.state, record) : TrackerStatus.undefined
}

function operationStatus(type: OperationType, record: IndexRecord): TrackerStatus {
  return OPERATION_STATUS[type][isFailed(record) ? 'failed' : 'queued']
}

/** What IPFS's answer means for a pin of this depth. */
export function statusFromIpfs(answer: IPFSPinStatus, wanted: PinDepth): TrackerStatus {
  switch (answer) {
    case IPFSPinStatus.recursive:
      return TrackerStatus.pinned
    case IPFSPinStatus.direct:
      return wanted === 0 ? TrackerStatus.pinned : TrackerStatus.unexpectedlyUnpinned
    case IPFSPinStatus.indirect:
    case IPFSPinStatus.unpinned:
      return TrackerStatus.unexpectedlyUnpinned
    case IPFSPinStatus.error:
      return TrackerStatus.clusterError
    default:
      return TrackerStatus.undefined
  }
}
