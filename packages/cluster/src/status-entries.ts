import type { PeerId } from '@libp2p/interface'
import { timestampFromMs, type Clock, type Pin, type PinInfo, type TrackedPin, type TrackerStatus } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import type { MemberList } from './members.ts'

/** Makes entries of statuses: the tracker says what, these say who. */
export interface StatusEntries {
  /** What our tracker says, with who we are. */
  own(tracked: TrackedPin): PinInfo
  /** What can be said of a peer without asking it, because of the pin and its last ping. */
  inferred(peer: PeerId, cid: CID, pin: Pin | undefined, status: TrackerStatus, error?: string): PinInfo
}

/**
 * @see behaviours.md §1.18
 */
export function createStatusEntries(
  core: { readonly self: PeerId; readonly peername: string; readonly clock: Clock },
  members: MemberList
): StatusEntries {
  const { self, peername, clock } = core
  return {
    own: (tracked) => ({ ...tracked, ...members.lastPing(self), peer: self, peername }),
    inferred: (peer, cid, pin, status, error = '') => ({
      cid,
      name: pin?.name ?? '',
      // What nobody has pinned looks like a pin that is made now.
      allocations: pin === undefined ? [] : pin.allocations,
      origins: pin?.origins,
      created: pin === undefined ? timestampFromMs(clock.nowMs()) : pin.timestamp,
      metadata: pin?.metadata,
      peer,
      ...members.lastPing(peer),
      status,
      timestamp: timestampFromMs(clock.nowMs()),
      error,
      attemptCount: 0,
      priorityPin: false
    })
  }
}
