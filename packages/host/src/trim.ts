/** A connection as the trimmer sees it. */
export interface TrimCandidate<T> {
  readonly connection: T
  /** When it was opened, Unix milliseconds. */
  readonly openedMs: number
  /** Sum of the tags of its peer; more is better. */
  readonly value: number
  /** Never closed. */
  readonly kept: boolean
}

/** Water marks of the connection manager. */
export interface WaterMarks {
  readonly highWater: number
  readonly lowWater: number
  readonly gracePeriodMs: number
}

/**
 * Chooses the connections to close: none up to the high-water mark, else as many as are above the low one, least
 * valuable and then youngest first, sparing kept ones and those younger than the grace period.
 *
 * @see wire-host-rpc.md §1.6
 */
export function chooseToTrim<T>(candidates: readonly TrimCandidate<T>[], marks: WaterMarks, nowMs: number): T[] {
  if (candidates.length <= marks.highWater) return []
  return candidates
    .filter((candidate) => !candidate.kept && nowMs - candidate.openedMs >= marks.gracePeriodMs)
    .sort((a, b) => a.value - b.value || b.openedMs - a.openedMs)
    .slice(0, candidates.length - marks.lowWater)
    .map((candidate) => candidate.connection)
}
