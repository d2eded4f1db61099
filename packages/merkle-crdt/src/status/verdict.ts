import type { SyncVerdict } from './crdt-status.ts'

/** What a verdict rests on. */
export interface VerdictFigures {
  readonly headCount: number
  /** Blocks to be fetched or merged. */
  readonly jobs: number
  /** Of these: blocks below heads, of which every attempt failed so far. */
  readonly failing: number
  readonly ready: number
  /** What is said of the block that fails for the longest time. */
  readonly oldestFailure: { readonly cid: string; readonly sinceMs: number; readonly reason: string } | undefined
  /** Why the last write failed, while the next one waits. */
  readonly writeFailure: string | undefined
  readonly isDirty: boolean
  readonly isRepairing: boolean
  /** Until when the first local change waits for heads of others, if it does. */
  readonly firstWriteUntilMs: number | undefined
}

/** Whether a store is in step, and why not, in plain words. */
export function judge(figures: VerdictFigures): SyncVerdict {
  const { jobs, failing, ready, oldestFailure, writeFailure, isDirty, isRepairing } = figures
  if (writeFailure !== undefined) {
    return { state: 'stuck', reason: `the datastore cannot be read or written, it is tried again: ${writeFailure}` }
  }
  if (oldestFailure !== undefined && failing === jobs && ready === 0) {
    const { cid, sinceMs, reason } = oldestFailure
    return {
      state: 'stuck',
      reason:
        `${count(failing, 'block')} cannot be had; the first is ${cid}, since ${new Date(sinceMs).toISOString()}: ` +
        `${reason}. They are tried again; a peer that has them must be connected`
    }
  }
  if (jobs > 0) return { state: 'syncing', reason: `${count(jobs, 'block')} to be fetched or merged` }
  if (figures.firstWriteUntilMs !== undefined) {
    const until = new Date(figures.firstWriteUntilMs).toISOString()
    return { state: 'syncing', reason: `the first change here waits for heads of other peers, until ${until} at most` }
  }
  if (isRepairing) return { state: 'syncing', reason: 'a repair walks the DAG and looks for missing blocks' }
  if (isDirty) return { state: 'stuck', reason: 'blocks are missing or bad; the next repair looks for them' }
  return {
    state: 'synced',
    reason: figures.headCount === 0 ? 'no heads are known yet' : 'all announced heads are merged'
  }
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`
}
