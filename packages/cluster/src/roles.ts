import type { PeerId } from '@libp2p/interface'
import { ClusterError } from '@cluster/api'

/** What this peer may do, and whom it asks. */
export interface Roles {
  readonly follower: boolean
  /** @throws {ClusterError} `FOLLOWER` */
  assertWritable(): void
  /** Whom questions about pins go to: all concerned, or this peer only. */
  scope(): 'cluster' | 'self'
}

/**
 * A follower takes the pinset from others: it writes nothing and speaks for itself only.
 *
 * @see behaviours.md §1.22
 */
export function createRoles(follower: boolean): Roles {
  return {
    follower,
    assertWritable() {
      if (!follower) return
      throw new ClusterError(
        'FOLLOWER',
        'this peer is configured to be in follower mode. Write operations are disabled'
      )
    },
    scope: () => (follower ? 'self' : 'cluster')
  }
}

/** Orders peers by the bytes of their IDs, as the reference peer does. */
export function comparePeers(a: PeerId, b: PeerId): number {
  return Buffer.compare(a.toMultihash().bytes, b.toMultihash().bytes)
}
