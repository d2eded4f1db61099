import type { PinsetChange } from '@cluster/api'
import type { CoreCollaborators } from './collaborators.ts'
import { isAborted, waitUntil } from './wait.ts'

/** Pause after a failure of the feed, before everything is compared again. */
const RETRY_PAUSE_MS = 1_000

/**
 * Hands the changes of the pinset to the tracker until the signal is aborted. The next changes are pulled only when
 * the tracker has queued the last ones. After a failure the tracker compares with the whole pinset, so that nothing is
 * lost.
 *
 * @param seen - is told of what was handed over
 * @see PORTS.md, "Life of a pin" in ARCHITECTURE.md §5
 */
export async function feedPinset(
  { consensus, tracker, clock, log }: Pick<CoreCollaborators, 'consensus' | 'tracker' | 'clock' | 'log'>,
  seen: (change: PinsetChange) => void,
  signal: AbortSignal
): Promise<void> {
  let missed = false
  while (!signal.aborted) {
    try {
      if (missed) await tracker.apply([{ type: 'resync' }], { signal })
      missed = false
      for await (const changes of consensus.changes({ signal })) {
        await tracker.apply(changes, { signal })
        changes.forEach(seen)
      }
      // Only a consensus that has stopped ends its feed.
      return
    } catch (error) {
      if (isAborted(signal)) return
      missed = true
      log.error('changes of the pinset did not reach the tracker; it compares with the whole pinset', { error })
      if (!(await waitUntil(clock, clock.nowMs() + RETRY_PAUSE_MS, signal))) return
    }
  }
}
