import type { PeerId } from '@libp2p/interface'

/** Peers whose absence is remembered; more than any cluster has. */
const MAX_REMEMBERED = 10_000

/** How it is with a peer: there, gone for a short while, or gone for longer than the grace period. */
type Presence = 'there' | 'away' | 'lost'

/** Tells a short absence from a loss. */
export interface Absences {
  /** What becomes of a peer that is seen, or not seen, now. */
  look(peer: PeerId, isThere: boolean, nowMs: number): Presence
  /** How many peers are missing now, the lost ones included. */
  missing(): number
}

/**
 * Counts from the moment that this peer first missed another, by its own clock: what others say of the time may be off
 * by hours.
 *
 * @param graceMs - how long an absence is none of our business
 */
export function createAbsences(graceMs: number): Absences {
  const missedSinceMs = new Map<string, number>()
  return {
    missing: () => missedSinceMs.size,
    look(peer, isThere, nowMs) {
      const key = peer.toString()
      if (isThere) {
        missedSinceMs.delete(key)
        return 'there'
      }
      // our clock may have been set back
      const sinceMs = Math.min(missedSinceMs.get(key) ?? nowMs, nowMs)
      // The oldest goes: it is told anew from here.
      const [oldest] = missedSinceMs.keys()
      if (missedSinceMs.size >= MAX_REMEMBERED && oldest !== undefined) missedSinceMs.delete(oldest)
      missedSinceMs.set(key, sinceMs)
      return nowMs - sinceMs >= graceMs ? 'lost' : 'away'
    }
  }
}
