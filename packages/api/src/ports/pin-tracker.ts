import type { AbortOptions } from '@libp2p/interface'
import type { TypedEventTarget } from 'main-event'
import type { CID } from 'multiformats/cid'
import type { Component } from '../component/component.ts'
import type { PinInfo } from '../domain/pin-info.ts'
import type { TrackerStatus } from '../domain/tracker-status.ts'
import type { ListOptions, Pages } from '../paging.ts'
import type { PinsetChange } from './pinset.ts'

/** What the tracker says of a pin; the core adds who we are. */
export type TrackedPin = Omit<PinInfo, 'peer' | 'peername' | 'ipfsPeerId' | 'ipfsPeerAddresses'>

/** Events of a tracker, for watching only. */
export interface PinTrackerEvents {
  status: CustomEvent<TrackedPin>
}

/**
 * Carries the pinset over to the IPFS side of this peer.
 *
 * @see behaviours.md §4
 */
export interface PinTracker extends Component, TypedEventTarget<PinTrackerEvents> {
  /** Resolves when the changes are queued. */
  apply(changes: readonly PinsetChange[], options: AbortOptions): Promise<void>
  pinQueueSize(): number
  status(cid: CID, options: AbortOptions): Promise<TrackedPin>
  statusAll(filter: TrackerStatus, options: ListOptions): Pages<TrackedPin>
  recover(cid: CID, options: AbortOptions): Promise<TrackedPin>
  recoverAll(options: AbortOptions): Pages<TrackedPin>
}
