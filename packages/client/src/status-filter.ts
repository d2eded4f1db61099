import { TrackerStatus, trackerStatusToString } from '@cluster/api'

/**
 * A filter as names joined by commas: those of its statuses and no others, with `error` and `queued` for all that they
 * stand for. Everything is the empty text.
 *
 * @see http-apis.md §3.10
 */
export function statusFilterText(filter: TrackerStatus): string {
  const within = Object.values(TrackerStatus).filter((status) => status !== 0 && (status & filter) === status)
  const widest = within.filter((status) => !within.some((other) => other !== status && (other & status) === status))
  return widest
    .sort((a, b) => a - b)
    .map(trackerStatusToString)
    .join()
}
