import { MAX_HEALTH_ITEMS, timestampFromMs, type ConsensusHealth, type ConsensusState } from '@cluster/api'
import type { CrdtStatus } from '@cluster/merkle-crdt'

/** What the component knows besides the store. */
export interface TrustView {
  /** Whether nobody but this peer may write. */
  readonly trustsNobody: boolean
  /** Announcements of peers that are not trusted, since the start. */
  readonly untrusted: number
}

/** The name of the component. */
export const NAME = 'crdt'

/** Where the store stands in the words of the port. */
export function healthOf(status: CrdtStatus, trust: TrustView): ConsensusHealth {
  const { queue, counters, progress, lastError } = status
  return {
    consensus: NAME,
    state: status.state satisfies ConsensusState,
    reason: status.reason + trustText(trust),
    heads: status.heads.slice(0, MAX_HEALTH_ITEMS),
    headCount: status.headCount,
    maxHeight: status.maxHeight,
    waitingOperations: queue.waitingOperations,
    queuedBlocks: queue.jobs,
    fetchingBlocks: queue.fetching,
    missing: status.missing.slice(0, MAX_HEALTH_ITEMS).map(({ cid, attempts, lastReason }) => {
      return { cid, attempts, error: lastReason ?? '' }
    }),
    missingCount: Math.max(queue.retrying, status.missing.length),
    dirty: status.isDirty,
    firstSync: progress?.isFirst ?? false,
    syncDone: progress?.done ?? 0,
    syncKnown: progress?.known ?? 0,
    mergedBlocks: counters.merged,
    rejectedBlocks: Object.values(counters.rejected).reduce((sum, count) => sum + count, 0),
    lastError: lastError?.message ?? '',
    lastErrorAt: lastError === undefined ? undefined : timestampFromMs(lastError.atMs)
  }
}

/** Peers that are not heard look like peers that say nothing. */
function trustText({ trustsNobody, untrusted }: TrustView): string {
  const refused = `${untrusted} announcements of peers that are not trusted were refused`
  if (untrusted === 0) return trustsNobody ? '; no other peer is trusted, so nothing of others is taken' : ''
  return `; ${refused}: if they should count, add those peers to trusted_peers`
}
