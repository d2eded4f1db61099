import { TrackerStatus, trackerStatusToString, type GlobalPinInfo } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'

/** What is waited for. */
export interface WaitTarget {
  /** The status that peers shall have; `pinned` unless given. */
  readonly target?: TrackerStatus
  /** So many peers are enough; 0, the default, means all. Never more than there are. */
  readonly limit?: number
}

/** A peer has failed to bring a pin to the status that was waited for. */
export class WaitError extends Error {
  override readonly name = 'WaitError'
  readonly code = 'WAIT_FAILED'
  /** The last status before the failure, if there was one. */
  readonly status: GlobalPinInfo | undefined

  constructor(target: TrackerStatus, status: GlobalPinInfo | undefined) {
    super(`error has occurred while attempting to reach status: ${trackerStatusToString(target)}`)
    this.status = status
  }
}

const FAILED: ReadonlySet<TrackerStatus> = new Set([
  TrackerStatus.undefined,
  TrackerStatus.clusterError,
  TrackerStatus.pinError,
  TrackerStatus.unpinError
])

/**
 * Whether a status is what is waited for: `failed` when it can get there no more without help.
 *
 * @see http-apis.md §4.5
 */
export function progressOf(
  info: GlobalPinInfo,
  { target = TrackerStatus.pinned, limit = 0 }: WaitTarget
): 'reached' | 'waiting' | 'failed' {
  const statuses = [...(info.peerMap?.values() ?? [])].map(({ status }) => status)
  if (statuses.some((status) => FAILED.has(status))) return 'failed'
  const wanted = Math.min(limit, statuses.length)
  if (wanted > 0) return statuses.filter((status) => status === target).length >= wanted ? 'reached' : 'waiting'
  const skipsRemote = target === TrackerStatus.pinned
  const all = statuses.every((status) => status === target || (skipsRemote && status === TrackerStatus.remote))
  return all ? 'reached' : 'waiting'
}

/** Check of the status once per second unless said otherwise. */
const WAIT_INTERVAL_MS = 1000

/**
 * Asks again and again until the target is reached; the first time after one interval.
 *
 * @throws {WaitError} when a peer has failed; what asking throws; the reason of the signal
 * @see http-apis.md §4.5
 */
export async function waitUntil(
  ask: () => Promise<GlobalPinInfo>,
  options: WaitTarget & AbortOptions & { readonly intervalMs?: number }
): Promise<GlobalPinInfo> {
  const { target = TrackerStatus.pinned, intervalMs = WAIT_INTERVAL_MS, signal } = options
  let last: GlobalPinInfo | undefined
  for (;;) {
    await pause(intervalMs, signal)
    const info = await ask()
    const progress = progressOf(info, options)
    if (progress === 'failed') throw new WaitError(target, last)
    if (progress === 'reached') return info
    last = info
  }
}

/** Resolves after some time; rejects with the reason of the signal when that aborts first. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
