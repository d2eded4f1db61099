import type { PinAllocator, PeerMetrics } from '@cluster/api'

/** An allocator that prefers more weight of one metric, and of equals the smaller peer ID. */
export function weightAllocator(metric: string): PinAllocator {
  const weightOf = ({ metrics }: PeerMetrics): bigint => metrics.get(metric)?.weight ?? 0n
  const ranked = (peers: readonly PeerMetrics[]): readonly PeerMetrics[] =>
    [...peers].sort((a, b) => {
      const [weightA, weightB] = [weightOf(a), weightOf(b)]
      if (weightA !== weightB) return weightA > weightB ? -1 : 1
      return Buffer.compare(a.peer.toMultihash().bytes, b.peer.toMultihash().bytes)
    })
  return {
    metrics: [metric],
    allocate: ({ priority, candidates }) => [...ranked(priority), ...ranked(candidates)].map(({ peer }) => peer)
  }
}
