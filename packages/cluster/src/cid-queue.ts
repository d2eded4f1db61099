import type { CID } from 'multiformats/cid'
import { ClusterError } from '@cluster/api'
import { unlessAborted } from './wait.ts'

/** Most operations that wait for their turn on one CID. */
export const MAX_WAITING_PER_CID = 1_024

/** Runs operations on the same CID one after the other, and on different CIDs side by side. */
export interface CidQueue {
  /**
   * @throws {ClusterError} `LIMIT` when too many wait already; the signal's reason when it is aborted before the turn
   */
  run<T>(cid: CID, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>
}

/**
 * A queue for each CID that is being worked on.
 *
 * @param onLimit - told of an operation that was refused
 */
export function createCidQueue(onLimit?: (error: ClusterError) => void): CidQueue {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>()
  return {
    async run(cid, signal, work) {
      const key = cid.toString()
      const line = lines.get(key) ?? { last: Promise.resolve(), length: 0 }
      if (line.length >= MAX_WAITING_PER_CID) {
        const refusal = new ClusterError('LIMIT', `more than ${MAX_WAITING_PER_CID} operations wait for ${key}`)
        onLimit?.(refusal)
        throw refusal
      }
      lines.set(key, line)
      line.length += 1
      let givenUp = false
      const turn = line.last.then(async () => {
        if (givenUp) return undefined
        return { result: await work() }
      })
      line.last = turn
        .catch(() => undefined)
        .then(() => {
          line.length -= 1
          if (line.length === 0) lines.delete(key)
        })
      try {
        const done = await unlessAborted(turn, signal)
        if (done === undefined) throw new ClusterError('ABORTED', 'the caller broke off')
        return done.result
      } finally {
        givenUp = true
      }
    }
  }
}
