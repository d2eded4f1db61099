/**
 * What a peer knows of a pin: one bit for an item, a union of bits for a filter, 0 for "everything".
 *
 * @see behaviours.md §0.2
 */
export const TrackerStatus = {
  undefined: 0,
  clusterError: 2,
  pinError: 4,
  unpinError: 8,
  error: 14,
  pinned: 16,
  pinning: 32,
  unpinning: 64,
  unpinned: 128,
  remote: 256,
  pinQueued: 512,
  unpinQueued: 1024,
  queued: 1536,
  sharded: 2048,
  unexpectedlyUnpinned: 4096
} as const
/** A value or union of {@link TrackerStatus}. */
export type TrackerStatus = number

const names: readonly (readonly [string, TrackerStatus])[] = Object.entries(TrackerStatus)
  .map(([name, value]) => [name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value] as const)
  .sort(([, a], [, b]) => a - b)

/** The name of a value; of a union all names that share a bit with it, ascending, joined by commas. */
export function trackerStatusToString(status: TrackerStatus): string {
  const exact = names.find(([, value]) => value === status)
  if (exact !== undefined) return exact[0]
  return names
    .filter(([, value]) => (value & status) !== 0)
    .map(([name]) => name)
    .join(',')
}

/** Reads names joined by commas. Spaces and unknown names are ignored, so nothing known gives 0: everything. */
export function trackerStatusFromString(text: string): TrackerStatus {
  const known = new Map(names)
  return text
    .replaceAll(' ', '')
    .split(',')
    .reduce((union, name) => union | (known.get(name) ?? 0), 0)
}

/** Whether an item of this status is wanted by the filter. 0 matches everything, on both sides. */
export function trackerStatusMatches(status: TrackerStatus, filter: TrackerStatus): boolean {
  return filter === 0 || status === 0 || (status & filter) !== 0
}
