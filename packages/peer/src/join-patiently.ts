import { toClusterError, type Cluster } from '@cluster/api'
import type { Multiaddr } from '@multiformats/multiaddr'
import { setTimeout } from 'node:timers/promises'

/** Waits between tries. Peers that are started together are not all there at once; later ones find each other anyway. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000]

/**
 * Joins the cluster of a peer, trying again for a while.
 *
 * @param failed - told of each failure
 * @returns `false` when it was broken off
 */
export async function joinPatiently(
  { members }: Pick<Cluster, 'members'>,
  address: Multiaddr,
  signal: AbortSignal,
  failed: (reason: string) => void
): Promise<boolean> {
  for (const delayMs of [...RETRY_DELAYS_MS, undefined]) {
    try {
      await members.join(address, { signal })
      return true
    } catch (error) {
      if (signal.aborted) return false
      failed(toClusterError(error).message)
      if (delayMs === undefined) return true
      const paused = await setTimeout(delayMs, true, { signal }).catch(() => false)
      if (!paused) return false
    }
  }
  return true
}
