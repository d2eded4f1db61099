import { ClusterError, parseDuration, TrackerStatus, type Clock, type GlobalPinInfo } from '@cluster/api'
import { globalPinInfoToJSON } from '@cluster/wire'
import type { CID } from 'multiformats/cid'
import { orBadRequest, valueAnswer, type RestCall } from './call.ts'

/** Longest time that a request may wait. */
const MAX_WAIT_MS = 3_600_000
/** Time between two looks: short at first, for small content, then longer, to spare the peers. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000

/** What peers say when waiting longer is of no use. */
const FAILED = TrackerStatus.clusterError | TrackerStatus.pinError | TrackerStatus.unpinError

/**
 * How long the client wants to wait; `undefined` when it does not.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 */
export function waitOf({ query }: RestCall): number | undefined {
  const text = query.get('wait') ?? ''
  if (text === '') return undefined
  const waitMs = orBadRequest('wait', () => parseDuration(text))
  if (waitMs > 0 && waitMs <= MAX_WAIT_MS) return waitMs
  throw new ClusterError('BAD_REQUEST', `wait: expected a time above 0, at most ${MAX_WAIT_MS / 3_600_000}h`)
}

/**
 * Looks at the status of a CID until all peers have reached the target, one has failed, or the time is over, and answers
 * the last status: with 200 when it was reached, else with 202. Peers that need not hold the content do not count.
 *
 * @see http-apis.md §9, wish 7; §4.5
 */
export async function statusAnswer(
  { cluster, clock, signal }: RestCall,
  cid: CID,
  target: TrackerStatus,
  waitMs: number
): Promise<Response> {
  const untilMs = clock.nowMs() + waitMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const info = await cluster.statuses.status(cid, { signal })
    const answer = valueAnswer(globalPinInfoToJSON(info))
    const progress = progressOf(info, target)
    if (progress === 'reached') return answer
    const leftMs = untilMs - clock.nowMs()
    if (progress === 'failed' || leftMs <= 0) return new Response(answer.body, { status: 202, headers: answer.headers })
    await pause(clock, Math.min(pauseMs, leftMs), signal)
  }
}

function progressOf({ peerMap }: GlobalPinInfo, target: TrackerStatus): 'reached' | 'failed' | 'under way' {
  const statuses = [...(peerMap?.values() ?? [])].map(({ status }) => status)
  if (statuses.some((status) => status === TrackerStatus.undefined || (status & FAILED) !== 0)) return 'failed'
  const isDone = statuses.every((status) => status === target || status === TrackerStatus.remote)
  return isDone ? 'reached' : 'under way'
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const wake = (): void => {
    resolve(undefined)
  }
  const cancel = clock.setTimer(clock.nowMs() + ms, wake)
  signal.addEventListener('abort', wake, { once: true })
  await promise
  cancel()
  signal.removeEventListener('abort', wake)
  signal.throwIfAborted()
}
