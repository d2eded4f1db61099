import type { Replica } from '../replica.ts'
import type { DirtyMark } from '../store/dirty-mark.ts'
import { MAX_LISTED, type CrdtStatus } from './crdt-status.ts'
import type { CrdtStats } from './stats.ts'
import { highestHeads, missingBlock } from './sync-watch.ts'

/** Where the figures come from. */
export interface StatusParts {
  readonly replica: Replica
  readonly dirty: DirtyMark
  readonly isRepairing: boolean
  readonly waitingOperations: number
}

/** @see spec/wire-crdt.md §2.16 */
export function readStats({ replica, dirty, waitingOperations }: StatusParts): CrdtStats {
  const { heads, queuedJobs, intake, watch } = replica
  return {
    heads: heads.list().map(({ cid }) => cid),
    maxHeight: heads.maxHeight,
    queuedJobs,
    fetching: intake.fetching,
    pendingHeads: intake.pendingHeads,
    retrying: intake.retrying,
    waitingOperations,
    merged: watch.counters.merged,
    rejected: watch.rejectedCount,
    lastError: watch.lastError?.message,
    isDirty: dirty.isSet
  }
}

/** Everything that an operator asks for, from memory. */
export function readStatus({ replica, dirty, isRepairing, waitingOperations }: StatusParts): CrdtStatus {
  const { heads, queuedJobs, intake, jobs, watch } = replica
  return {
    ...watch.verdict,
    heads: highestHeads(heads.list()),
    headCount: heads.size,
    maxHeight: heads.maxHeight,
    queue: {
      jobs: queuedJobs,
      fetching: intake.fetching,
      pendingHeads: intake.pendingHeads,
      retrying: intake.retrying,
      ready: intake.ready,
      waitingOperations
    },
    missing: [...Iterator.from(jobs).take(MAX_LISTED).map(missingBlock)],
    isDirty: dirty.isSet,
    isRepairing,
    lastError: watch.lastError,
    progress: watch.progress,
    counters: watch.counters
  }
}
