import type { PeerId } from '@libp2p/interface'
import { isPinEverywhere, type Pin } from '@cluster/api'
import type { Change } from './plan-repair.ts'

/** Peers that differ by so small a part of the mean are in balance: every move costs traffic. */
const TOLERANCE = 0.05

/** A peer that takes part, and the group it is in by each of the metrics over which copies are spread. */
export interface Scale {
  readonly peer: PeerId
  readonly groups: readonly string[]
}

/** Finds the moves that bring the numbers of pins held closer together, one pin after the other. */
export interface Rebalancing {
  /** Counts a pin; to be called for all pins before the first {@link Rebalancing.plan}. */
  count(pin: Pin): void
  /** The move of a pin that helps, if there is one; what it returns counts as done. */
  plan(pin: Pin): Change | undefined
}

/**
 * Moves pins from the peers that hold most to those that hold fewest, and never so that the copies of a pin are spread
 * over fewer groups than before. Pure: the same pins and peers give the same moves.
 *
 * @param peers - those that may take pins
 * @see behaviours.md §8 item 5
 */
export function planRebalance(peers: readonly Scale[]): Rebalancing {
  const held = new Map(peers.map(({ peer }) => [peer.toString(), 0]))
  const scales = new Map(peers.map((scale) => [scale.peer.toString(), scale]))
  const heldBy = ({ peer }: Scale): number => held.get(peer.toString()) ?? 0
  const scaleOf = (peer: PeerId): Scale | undefined => scales.get(peer.toString())
  const spread = (some: readonly Scale[]): number[] =>
    (some[0]?.groups ?? []).map((_, index) => new Set(some.map(({ groups }) => groups[index])).size)

  return {
    count(pin) {
      if (isPinEverywhere(pin)) return
      for (const peer of pin.allocations ?? []) {
        const key = peer.toString()
        const count = held.get(key)
        if (count !== undefined) held.set(key, count + 1)
      }
    },
    plan(pin) {
      const holders = pin.allocations ?? []
      if (isPinEverywhere(pin) || holders.length === 0) return undefined
      const known = holders.map(scaleOf)
      const holding = known.filter((scale) => scale !== undefined)
      // Whoever holds it and takes no part is the business of repair.
      if (holding.length < holders.length) return undefined
      const total = [...held.values()].reduce((sum, count) => sum + count, 0)
      const tolerated = Math.max(1, (TOLERANCE * total) / held.size)
      const byLoad = (a: Scale, b: Scale): number => heldBy(a) - heldBy(b)
      const before = spread(holding)
      const helps = (from: Scale, to: Scale): boolean => {
        if (holding.includes(to) || heldBy(from) - heldBy(to) <= tolerated) return false
        const after = spread([...holding.filter((scale) => scale !== from), to])
        return before.every((count, index) => (after[index] ?? 0) >= count)
      }
      const [fullest, emptiest] = [holding.toSorted(byLoad).reverse(), peers.toSorted(byLoad)]
      const pairs = fullest.map((from) => ({ from, to: emptiest.find((to) => helps(from, to)) }))
      const { from, to } = pairs.find((pair) => pair.to !== undefined) ?? {}
      if (from === undefined || to === undefined) return undefined
      const rest = holding.filter((scale) => scale !== from)
      const reason = `one peer holds ${heldBy(from)} pins, another ${heldBy(to)}`
      held.set(from.peer.toString(), heldBy(from) - 1)
      held.set(to.peer.toString(), heldBy(to) + 1)
      return { add: [to.peer], drop: [from.peer], keep: [...rest.map(({ peer }) => peer), to.peer], reason, short: 0 }
    }
  }
}
