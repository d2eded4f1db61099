import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Metric } from './metric.ts'
import type { Timestamp } from './timestamp.ts'

/**
 * Whether a peer serves: `active` peers take new pins, `cordoned` ones keep what they hold and take nothing new,
 * `draining` ones take nothing new and give away what they hold.
 */
export const SERVICE_STATES = ['active', 'cordoned', 'draining'] as const
/** One of {@link SERVICE_STATES}. */
export type ServiceState = (typeof SERVICE_STATES)[number]

/** What was decided about a peer. */
export interface PeerService {
  readonly peer: PeerId
  /** Its name, as far as it is known; else empty. */
  readonly peername: string
  readonly state: ServiceState
  /** When it was decided, by the clock of whoever did. */
  readonly since: Timestamp | undefined
  /** The peer at which it was decided. */
  readonly by: PeerId
}

/**
 * How far a move has come: `planned` in a dry run, `moved` when it is done, `waiting` when the new copies are not there
 * yet, so that the old ones stay, `failed` when nothing was changed, or not all.
 */
export const MOVE_STATES = ['planned', 'moved', 'waiting', 'failed'] as const
/** One of {@link MOVE_STATES}. */
export type MoveState = (typeof MOVE_STATES)[number]

/** A pin that gets other holders. */
export interface Move {
  readonly cid: CID
  readonly name: string
  readonly add: readonly PeerId[]
  readonly drop: readonly PeerId[]
  readonly state: MoveState
  /** Why the pin is moved, in plain words. */
  readonly reason: string
  /** Why it was not; empty when it was. */
  readonly error: string
}

/**
 * What an allocation makes of a peer. `excluded`: the caller wants it not; `untrusted` and `trusted`: the configuration
 * wants only the others; `cordoned`: it takes nothing new; `incomplete`: a metric is missing; `full`: too little room;
 * `current`: it holds the pin; `priority`: the caller asked for it; `candidate`: one of the others.
 */
export const VERDICTS = [
  'excluded',
  'untrusted',
  'trusted',
  'cordoned',
  'incomplete',
  'full',
  'current',
  'priority',
  'candidate'
] as const
/** One of {@link VERDICTS}. */
export type Verdict = (typeof VERDICTS)[number]

/** Why a peer was, or was not, chosen for a pin. */
export interface ExplainedPeer {
  readonly peer: PeerId
  readonly peername: string
  readonly verdict: Verdict
  readonly chosen: boolean
  /** Its place in the ranking of the allocator, from 0; −1 when it is not ranked. */
  readonly place: number
  /** All of it in one line of plain words. */
  readonly reason: string
  /** The metrics that count, as they count: free space less what is queued. */
  readonly metrics: readonly Metric[]
}

/** What an allocation would decide now, and why. */
export interface Explanation {
  /** Absent when a pin was only imagined. */
  readonly cid: CID | undefined
  readonly replicationFactorMin: number
  readonly replicationFactorMax: number
  /** The holders as the pinset has them. */
  readonly current: readonly PeerId[]
  /** The holders that there would be; with an error none, and none as well when everybody holds the pin. */
  readonly allocations: readonly PeerId[]
  /** Why it cannot be allocated; else empty. */
  readonly error: string
  /** Every peer that was considered, by the bytes of their IDs. */
  readonly peers: readonly ExplainedPeer[]
}
