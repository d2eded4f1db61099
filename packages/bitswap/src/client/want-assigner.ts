import type { PresenceRank } from './block-presence.ts'
import type { ClientPeer } from './client-peer.ts'

/** A peer that could be asked for a block. */
export interface Candidate {
  readonly peer: ClientPeer
  readonly rank: PresenceRank
  readonly hasRoom: boolean
  /** Blocks that it delivered to the session. */
  readonly deliveries: number
}

/**
 * The peer to ask for a block: of those that are most likely to have it, the one with the shortest backlog, then the
 * one that delivered most, then any. When all of the best are busy the block waits for them.
 *
 * @see bitswap.md §4.8.6
 */
export function chooseAmong(candidates: readonly Candidate[], random: () => number): ClientPeer | 'wait' | 'nobody' {
  const rank = candidates.some((candidate) => candidate.rank === 'have') ? 'have' : 'unknown'
  let best: Candidate | undefined
  let equals = 0
  let found = false
  for (const candidate of candidates) {
    if (candidate.rank !== rank) continue
    found = true
    if (!candidate.hasRoom) continue
    const order = best === undefined ? -1 : compare(candidate, best)
    if (order < 0) {
      best = candidate
      equals = 1
    } else if (order === 0) {
      equals += 1
      if (random() * equals < 1) best = candidate
    }
  }
  return best?.peer ?? (found ? 'wait' : 'nobody')
}

function compare(a: Candidate, b: Candidate): number {
  return a.peer.window.backlogMs - b.peer.window.backlogMs || b.deliveries - a.deliveries
}
