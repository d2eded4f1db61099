import type { AbortOptions } from '@libp2p/interface'
import type { TypedEventTarget } from 'main-event'
import type { CID } from 'multiformats/cid'
import type { Component } from '../component/component.ts'
import type { PinInfo } from '../domain/pin-info.ts'
import type { Timestamp } from '../domain/timestamp.ts'
import type { TrackerStatus } from '../domain/tracker-status.ts'
import type { ListOptions, Pages } from '../paging.ts'
import type { PinsetChange } from './pinset.ts'

/**
 * Why a pin or unpin failed, or waits longer than others, for programs; people read `error`.
 *
 * - `no_providers`: nothing of the content was found.
 * - `no_progress`: it began to arrive, then nothing more came.
 * - `disk_full`: IPFS has no room.
 * - `refused`: IPFS will not do it, and asking again will not help.
 * - `ipfs_down`: IPFS does not answer.
 * - `queue_full`: the queue of the tracker has no room.
 * - `failed`: anything else.
 */
export type PinFailure =
  'no_providers' | 'no_progress' | 'disk_full' | 'refused' | 'ipfs_down' | 'queue_full' | 'failed'

/** What the tracker says of a pin; the core adds who we are. */
export type TrackedPin = Omit<PinInfo, 'peer' | 'peername' | 'ipfsPeerId' | 'ipfsPeerAddresses'> & {
  /** Of what failed: why. */
  readonly reason?: PinFailure | undefined
  /** Of what failed: when it is tried again by itself. */
  readonly retryAt?: Timestamp | undefined
}

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
