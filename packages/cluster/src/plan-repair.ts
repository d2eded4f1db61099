import type { PeerId } from '@libp2p/interface'
import { isPinEverywhere, type Pin } from '@cluster/api'

/** How it is with a holder: there, gone for a short while, gone for good, or about to give away what it holds. */
export type HolderState = 'there' | 'away' | 'lost' | 'leaving'

/** How other holders come into a pin: the new ones first, the old ones only when `keep` have it pinned. */
export interface Change {
  readonly add: readonly PeerId[]
  readonly drop: readonly PeerId[]
  /** Who must have it pinned before anybody is dropped. */
  readonly keep: readonly PeerId[]
  /** Why, in plain words. */
  readonly reason: string
  /** Copies that are missing below the minimum, and that nobody can take. */
  readonly short: number
}

/** What a plan knows of the cluster. */
export interface RepairView {
  stateOf(peer: PeerId): HolderState
  /** Peers that could hold the pin and do not, best first. */
  candidates(pin: Pin): readonly PeerId[]
  /** Some holders, best first. */
  ranked(pin: Pin, holders: readonly PeerId[]): readonly PeerId[]
}

/**
 * What one pin needs: copies up to its maximum, and no more than that. A short absence changes nothing, and neither
 * does a loss as long as nobody can take the place: who returns still has the content. Pure.
 *
 * @returns nothing when the pin is as it should be, or has no holders of its own
 * @see behaviours.md §8 items 5 and 6
 */
export function planRepair(pin: Pin, view: RepairView): Change | undefined {
  const holders = pin.allocations ?? []
  const { replicationFactorMin: fewest, replicationFactorMax: most } = pin
  if (holders.length === 0 || isPinEverywhere(pin)) return undefined
  const having = (...states: readonly HolderState[]): readonly PeerId[] =>
    holders.filter((peer) => states.includes(view.stateOf(peer)))
  const [there, lost, leaving] = [having('there'), having('lost'), having('leaving')]
  const staying = having('there', 'away')
  const missing = most - staying.length
  const add = missing > 0 ? view.candidates(pin).slice(0, missing) : []
  const copies = staying.length + add.length

  const gone = copies >= most ? lost : []
  const given = copies >= most || copies >= Math.max(1, fewest) ? leaving : []
  const away = having('away')
  // Who is away goes first, then who ranks last.
  const surplus = staying.length > most ? [...view.ranked(pin, there), ...away].slice(most) : []
  const drop = [...gone, ...given, ...surplus]
  const short = Math.max(0, fewest - copies)
  if (add.length === 0 && drop.length === 0 && short === 0) return undefined
  const keep = [...there.filter((peer) => !surplus.some((other) => other.equals(peer))), ...add]
  const counts = [
    [lost.length, 'lost'],
    [leaving.length, 'leaving'],
    [away.length, 'away for a short while']
  ] as const
  const notes = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  const reason = `${there.length} of ${most} copies${notes.length === 0 ? '' : `, ${notes.join(', ')}`}`
  return { add, drop: keep.length === 0 ? [] : drop, keep, reason, short }
}
