import type { CID } from 'multiformats/cid'

/** Figures for an operator. */
export interface CrdtStats {
  readonly heads: readonly CID[]
  readonly maxHeight: bigint
  /** Blocks that have to be fetched or merged. */
  readonly queuedJobs: number
  /** Of these: on their way, announced and waiting, failed and waiting for the next attempt. */
  readonly fetching: number
  readonly pendingHeads: number
  readonly retrying: number
  /** Local operations that wait for their block. */
  readonly waitingOperations: number
  /** Since the start. */
  readonly merged: number
  readonly rejected: number
  readonly lastError: string | undefined
  readonly isDirty: boolean
}
