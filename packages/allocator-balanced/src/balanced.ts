import type { PinAllocator } from '@cluster/api'
import type { BalancedConfig } from './config.ts'
import { explain } from './explain.ts'
import { order } from './order.ts'
import { partition } from './partition.ts'

/**
 * Ranks peers so that copies spread over the values of partitionable metrics (regions, groups) and, within them, go to
 * the peers of the greatest weight. The peers that the caller asked for come first. Pure: the same round gives the same
 * ranking in every process.
 *
 * @see behaviours.md §2.1
 */
export function balancedAllocator({
  allocateBy
}: BalancedConfig): Required<Pick<PinAllocator, 'metrics' | 'allocate' | 'explain'>> {
  // A name that stands twice changes nothing the second time.
  const names = [...new Set(allocateBy)]
  return {
    metrics: names,
    allocate: ({ priority, candidates, cid }) => [
      ...order(partition(priority, names, cid)),
      ...order(partition(candidates, names, cid))
    ],
    explain({ priority, candidates, cid }) {
      const first = explain({ from: 'priority', peers: priority, names, cid, before: 0 })
      const before = first.filter(({ place }) => place !== undefined).length
      const second = explain({ from: 'candidates', peers: candidates, names, cid, before })
      const isRanked = ({ place }: { readonly place: number | undefined }): boolean => place !== undefined
      const all = [...first, ...second]
      return [...all.filter(isRanked), ...all.filter((entry) => !isRanked(entry))]
    }
  }
}
