import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Alert } from '../domain/metric.ts'
import type { PinsetChange } from './pinset.ts'
import type { TrackedPin } from './pin-tracker.ts'

/** What happened at this peer, or what it saw of others. */
export type ClusterEvent =
  /** The pinset changed, and the tracker of this peer knows. */
  | { readonly type: 'pinset'; readonly change: PinsetChange }
  /** What this peer has of a pin changed. */
  | { readonly type: 'status'; readonly status: TrackedPin }
  /** Another peer began to tell that it lives, or no longer does. */
  | { readonly type: 'peer'; readonly peer: PeerId; readonly peername: string; readonly state: 'joined' | 'left' }
  | { readonly type: 'alert'; readonly alert: Alert }
  /** This peer is ready. */
  | { readonly type: 'ready' }
  /** This peer took out a pin whose time was over. */
  | { readonly type: 'expired'; readonly cid: CID }

/** All types of events. */
export const CLUSTER_EVENT_TYPES: readonly ClusterEvent['type'][] = Object.freeze([
  'pinset',
  'status',
  'peer',
  'alert',
  'ready',
  'expired'
])

/** An event with its place: within a run ids ascend without gaps from 1. */
export type NumberedEvent = ClusterEvent & { readonly id: number; readonly atMs: number }

/** A bounded memory of what happened, for watching only: what must arrive is a feed or a call. */
export interface ClusterEvents {
  /** Differs each time the peer is started; ids of different runs have nothing to do with each other. */
  readonly run: string
  /** The id of the last event; 0 before the first. */
  readonly lastId: number
  /**
   * Events after an id, oldest first, at most `limit` of them; what was forgotten is missing, which the gap in the ids
   * shows.
   */
  since(id: number, limit?: number): readonly NumberedEvent[]
  /** Calls back for each new event; returns what ends it. A callback must not throw. */
  watch(fn: (event: NumberedEvent) => void): () => void
}
