import type { PeerMetrics, RankedPeer, RankingStep } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { order } from './order.ts'
import { differenceOf, partition, type Partition } from './partition.ts'

/** Which peers are ranked, by what, and how many are ranked before them. */
export interface RankedSet {
  readonly from: RankedPeer['from']
  readonly peers: readonly PeerMetrics[]
  readonly names: readonly string[]
  readonly before: number
  readonly cid?: CID | undefined
}

/**
 * Why each peer of a set stands where `order()` puts it; those that lack a metric come last, without a place.
 *
 * @see behaviours.md §2.1.1
 */
export function explain({ from, peers, names, before, cid }: RankedSet): readonly RankedPeer[] {
  const level = partition(peers, names, cid)
  const ways = waysOf(level, names)
  const ranked = [...order(level)].map((peer, index): RankedPeer => {
    const steps = ways.get(peer.toString()) ?? []
    const place = before + index
    return { peer, from, place, reason: `${ordinal(place)}: ${[asked(from), ...steps.map(sentence)].join('')}`, steps }
  })
  const isRanked = new Set(ranked.map(({ peer }) => peer.toString()))
  const others = peers.filter(({ peer }) => !isRanked.has(peer.toString()))
  return [...ranked, ...others.map((entry) => unranked(entry, from, names))]
}

/** The steps that lead through the partitions to each peer. */
function waysOf(level: readonly Partition[], names: readonly string[]): Map<string, readonly RankingStep[]> {
  const [metric = '', ...rest] = names
  const ways = new Map<string, readonly RankingStep[]>()
  const takesTurns = level.length > 1 && level.some(({ peers }) => peers.length > 1)
  const turns = takesTurns ? `; the ${level.length} give one peer each in turn` : ''
  for (const [place, part] of level.entries()) {
    const { value, weight, inTurn, below } = part
    const base = { metric, value, weight, place, of: level.length }
    const reason = reasonOf(part, level[place - 1], place) + turns
    if (below === undefined) {
      for (const [index, { peer }] of inTurn.entries()) {
        ways.set(peer.toString(), [{ ...base, reason: reason + sharing(inTurn.length, index) }])
      }
    } else {
      for (const [peer, steps] of waysOf(below, rest)) ways.set(peer, [{ ...base, reason }, ...steps])
    }
  }
  return ways
}

function reasonOf(part: Partition, better: Partition | undefined, place: number): string {
  if (better === undefined) return 'the best'
  const before = `${ordinal(place - 1)}, ${better.value}`
  switch (differenceOf(better, part)) {
    case 'weight':
      return `weight ${part.weight} is less than ${better.weight} of the ${before}`
    case 'aggregatedWeight':
      return `equal weight, but all below weighs ${part.aggregatedWeight}, less than ${better.aggregatedWeight} of the ${before}`
    case 'value':
      return `equal weights, by the order of values after the ${before}`
    case 'peer':
      return `all equal, by the order of peer IDs after the ${before}`
  }
}

function sharing(count: number, index: number): string {
  if (count === 1) return ''
  return `; ${ordinal(index)} of ${count} peers that nothing else tells apart`
}

function asked(from: RankedPeer['from']): string {
  return from === 'priority' ? 'asked for, so before all others; ' : ''
}

function sentence({ metric, value, place, of, reason }: RankingStep, index: number): string {
  const between = index === 0 ? '' : '; then '
  return `${between}${metric} ${value} is ${ordinal(place)} of ${of} (${reason})`
}

function unranked({ peer, metrics }: PeerMetrics, from: RankedPeer['from'], names: readonly string[]): RankedPeer {
  const missing = names.filter((name) => !metrics.has(name))
  return { peer, from, place: undefined, reason: `not ranked: it has no metric ${missing.join(', ')}`, steps: [] }
}

/** `0` is the 1st. */
function ordinal(index: number): string {
  const number = index + 1
  const ending = number % 100 >= 11 && number % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th')
  return `${number}${ending}`
}
