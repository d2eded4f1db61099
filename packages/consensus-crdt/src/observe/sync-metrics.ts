import type { Metrics } from '@libp2p/interface'
import type { CrdtStatus } from '@cluster/merkle-crdt'

/** Gauges of one scrape are read from one look at the store. */
const LOOK_MS = 100

/**
 * Registers what an operator watches to see that the pinset is in step: everything of `GET /health/consensus` that is a
 * number. Without a store all is 0.
 *
 * @param look - where the store stands; `undefined` while there is none
 */
export function registerSyncMetrics(
  metrics: Metrics | undefined,
  nowMs: () => number,
  look: () => { readonly status: CrdtStatus; readonly untrusted: number } | undefined
): void {
  if (metrics === undefined) return
  let lookedMs = -Infinity
  let last: ReturnType<typeof look>
  const seen = (): ReturnType<typeof look> => {
    const now = nowMs()
    if (Math.abs(now - lookedMs) < LOOK_MS) return last
    lookedMs = now
    last = look()
    return last
  }
  const gauge = (name: string, help: string, read: (status: CrdtStatus) => number): void => {
    const calculate = (): number => {
      const status = seen()?.status
      return status === undefined ? 0 : read(status)
    }
    metrics.registerMetric(`ipfscluster_crdt_${name}`, { help, calculate })
  }
  const gauges = (
    name: string,
    label: string,
    help: string,
    read: (status: CrdtStatus) => Record<string, number>
  ): void => {
    const calculate = (): Record<string, number> => {
      const status = seen()?.status
      return status === undefined ? {} : read(status)
    }
    metrics.registerMetricGroup(`ipfscluster_crdt_${name}`, { help, label, calculate })
  }
  gauges('state', 'state', 'Whether the pinset is in step: 1 for the state that it is in', ({ state }) => ({
    synced: Number(state === 'synced'),
    syncing: Number(state === 'syncing'),
    stuck: Number(state === 'stuck')
  }))
  gauge('heads', 'Heads of the history of the pinset', ({ headCount }) => headCount)
  gauge('height', 'Height of the highest head', ({ maxHeight }) => Number(maxHeight))
  gauges('blocks', 'queue', 'Blocks that are known and not merged, by what they wait for', ({ queue }) => ({
    fetching: queue.fetching,
    pending: queue.pendingHeads,
    missing: queue.retrying,
    ready: queue.ready
  }))
  gauge('queued_blocks', 'Blocks that are known and not merged', ({ queue }) => queue.jobs)
  gauge('waiting_operations', 'Local operations that wait for their block', ({ queue }) => queue.waitingOperations)
  gauge('dirty', 'Whether the store is marked for a repair', ({ isDirty }) => Number(isDirty))
  gauges('sync_blocks', 'what', 'Blocks of the sync under way: those merged and those known', ({ progress }) => ({
    done: progress?.done ?? 0,
    known: progress?.known ?? 0
  }))
  const counter = (name: string, help: string, read: (status: CrdtStatus) => number): void => {
    const calculate = (): number => {
      const status = seen()?.status
      return status === undefined ? 0 : read(status)
    }
    metrics.registerCounter(`ipfscluster_crdt_${name}`, { help, calculate })
  }
  counter('merged_blocks', 'Blocks of other peers that were merged', ({ counters }) => counters.merged)
  counter('published_blocks', 'Blocks made of local operations', ({ counters }) => counters.published)
  counter('failed_fetches', 'Attempts to fetch a block that failed', ({ counters }) => counters.failedFetches)
  counter('failed_writes', 'Writes to the datastore that failed', ({ counters }) => counters.failedWrites)
  counter('dropped_heads', 'Announced heads that were given up', ({ counters }) => counters.droppedHeads)
  metrics.registerCounterGroup('ipfscluster_crdt_rejected', {
    label: 'reason',
    help: 'Blocks and announcements that were refused',
    calculate: () => ({ ...seen()?.status.counters.rejected })
  })
  metrics.registerCounter('ipfscluster_crdt_untrusted_announcements', {
    help: 'Announcements of peers that are not trusted, which were refused',
    calculate: () => seen()?.untrusted ?? 0
  })
}
