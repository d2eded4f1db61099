import type { Metric, PeerMetrics } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { shuffle } from './shuffle.ts'

/** The peers of one level that share a metric's value; below it the same for the next metric. */
export interface Partition {
  readonly value: string
  /** Sum of the weights of this metric. */
  readonly weight: bigint
  /** `weight` plus the aggregated weights of the partitions below. */
  readonly aggregatedWeight: bigint
  /** By the bytes of the peer ID. */
  readonly peers: readonly PeerMetrics[]
  /** The same peers as they are chosen, where no further metric tells them apart. */
  readonly inTurn: readonly PeerMetrics[]
  /** Absent at the last metric. */
  readonly below: readonly Partition[] | undefined
}

/**
 * Groups peers by their metrics. Partitionable metrics of one value share a partition, others stand alone; a peer that
 * lacks the metric is left out. Best first: by weight, aggregated weight, value, smallest peer ID. Those that share
 * the value of the last metric are shuffled by the CID, when there is one.
 *
 * @see behaviours.md §2.1.1
 */
export function partition(peers: readonly PeerMetrics[], names: readonly string[], cid?: CID): readonly Partition[] {
  const [name, ...rest] = names
  if (name === undefined) return []
  return [...groupsOf(peers, name)].map((group) => toPartition(group, rest, cid)).sort(comparePartitions)
}

interface Member {
  readonly peer: PeerMetrics
  readonly metric: Metric
}

/** Non-empty groups of peers that belong to one partition. */
function groupsOf(peers: readonly PeerMetrics[], name: string): Iterable<[Member, ...Member[]]> {
  const groups = new Map<string | PeerMetrics, [Member, ...Member[]]>()
  for (const peer of peers) {
    const metric = peer.metrics.get(name)
    if (metric === undefined) continue
    const key = metric.partitionable ? metric.value : peer
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [{ peer, metric }])
    else group.push({ peer, metric })
  }
  return groups.values()
}

function toPartition(group: readonly [Member, ...Member[]], rest: readonly string[], cid: CID | undefined): Partition {
  const weight = group.reduce((sum, { metric }) => sum + metric.weight, 0n)
  const peers = group.map(({ peer }) => peer).sort(comparePeers)
  const below = rest.length === 0 ? undefined : partition(peers, rest, cid)
  const inTurn = below !== undefined || cid === undefined ? peers : shuffle(peers, cid)
  const aggregatedWeight = (below ?? []).reduce((sum, part) => sum + part.aggregatedWeight, weight)
  return { value: group[0].metric.value, weight, aggregatedWeight, peers, inTurn, below }
}

/** What two partitions differ in, the most important first. */
export type Difference = 'weight' | 'aggregatedWeight' | 'value' | 'peer'

const criteria: readonly (readonly [Difference, (a: Partition, b: Partition) => number])[] = [
  ['weight', (a, b) => descending(a.weight, b.weight)],
  ['aggregatedWeight', (a, b) => descending(a.aggregatedWeight, b.aggregatedWeight)],
  ['value', (a, b) => Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))],
  ['peer', (a, b) => comparePeers(a.peers[0], b.peers[0])]
]

function comparePartitions(a: Partition, b: Partition): number {
  for (const [, compare] of criteria) {
    const order = compare(a, b)
    if (order !== 0) return order
  }
  return 0
}

/** By what two partitions of one level are in their order. */
export function differenceOf(a: Partition, b: Partition): Difference {
  return criteria.find(([, compare]) => compare(a, b) !== 0)?.[0] ?? 'peer'
}

function descending(a: bigint, b: bigint): number {
  return a === b ? 0 : a > b ? -1 : 1
}

function comparePeers(a: PeerMetrics | undefined, b: PeerMetrics | undefined): number {
  if (a === undefined || b === undefined) return 0
  return Buffer.compare(a.peer.toMultihash().bytes, b.peer.toMultihash().bytes)
}
