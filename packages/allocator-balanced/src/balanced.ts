import type { PinAllocator } from '@cluster/api'
import type { BalancedConfig } from './config.ts'
import { order } from './order.ts'
import { partition } from './partition.ts'

/**
 * Ranks peers so that copies spread over the values of partitionable metrics (regions, groups) and, within them, go to
 * the peers of the greatest weight. The peers that the caller asked for come first. Pure: the same round gives the same
 * ranking in every process.
 *
 * @see behaviours.md §2.1
 */
export function balancedAllocator({ allocateBy }: BalancedConfig): PinAllocator {
  return {
    metrics: allocateBy,
    allocate: ({ priority, candidates }) => [
      ...order(partition(priority, allocateBy)),
      ...order(partition(candidates, allocateBy))
    ]
  }
}
