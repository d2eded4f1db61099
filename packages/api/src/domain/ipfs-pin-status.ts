import type { CID } from 'multiformats/cid'
import type { PinDepth } from './pin-mode.ts'
import { TrackerStatus } from './tracker-status.ts'

/**
 * What the IPFS side says of a CID.
 *
 * @see behaviours.md §0.4
 */
export const IPFSPinStatus = { bug: 0, error: 1, direct: 2, recursive: 3, indirect: 4, unpinned: 5 } as const
/** A value of {@link IPFSPinStatus}. */
export type IPFSPinStatus = number

/** One line of the list of pins of the IPFS side. */
export interface IPFSPinInfo {
  readonly cid: CID
  readonly type: IPFSPinStatus
}

/** Reads the `Type` text of Kubo's pin list, such as `recursive` or `indirect through Qm…`. */
export function ipfsPinStatusFromString(text: string): IPFSPinStatus {
  if (text.startsWith('indirect')) return IPFSPinStatus.indirect
  if (text.startsWith('recursive')) return IPFSPinStatus.recursive
  return text === 'direct' ? IPFSPinStatus.direct : IPFSPinStatus.bug
}

/** The JSON text; empty for what has none. */
export function ipfsPinStatusToString(status: IPFSPinStatus): string {
  if (status === IPFSPinStatus.direct) return 'direct'
  if (status === IPFSPinStatus.recursive) return 'recursive'
  return status === IPFSPinStatus.indirect ? 'indirect' : ''
}

/** Whether this status fulfils a pin of the given depth. */
export function isIpfsPinned(status: IPFSPinStatus, depth: PinDepth): boolean {
  return status === (depth === 0 ? IPFSPinStatus.direct : IPFSPinStatus.recursive)
}

/** The tracker status that follows from what the IPFS side says. */
export function ipfsPinStatusToTrackerStatus(status: IPFSPinStatus): TrackerStatus {
  switch (status) {
    case IPFSPinStatus.direct:
    case IPFSPinStatus.recursive:
      return TrackerStatus.pinned
    case IPFSPinStatus.indirect:
    case IPFSPinStatus.unpinned:
      return TrackerStatus.unpinned
    case IPFSPinStatus.error:
      return TrackerStatus.clusterError
    default:
      return TrackerStatus.undefined
  }
}
