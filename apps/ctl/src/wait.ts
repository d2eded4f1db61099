import { parseDuration, TrackerStatus, type GlobalPinInfo, type Pin } from '@cluster/api'
import type { ClusterClient } from '@cluster/client'
import { globalPinInfoToJSON, pinToJSON } from '@cluster/wire'
import { setTimeout as pause } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import { exitCodes, Failure } from './failure.ts'
import { formatPin } from './format-pin.ts'
import { formatStatus } from './format-status.ts'
import type { Output } from './output.ts'

/** The flags that say what to wait for and what to print. */
export interface WaitFlags {
  readonly wait?: boolean | undefined
  readonly waitLimit?: number | undefined
  readonly waitTimeout?: string | undefined
  readonly status?: boolean | undefined
}

/** How long the peers get to do something before their status is shown. */
const STATUS_DELAY_MS = 1000
/** Shorter limits of time never end a wait. */
const MIN_TIMEOUT_MS = 1000

/**
 * Waits until enough peers have the target status. Ctrl-C gives the wait up.
 *
 * @throws {Failure} when a peer fails or the time is over
 * @see cli-config.md §1.8
 */
export async function waitForStatus(
  client: ClusterClient,
  cid: CID,
  target: TrackerStatus,
  limit: number,
  timeout: string | undefined
): Promise<GlobalPinInfo> {
  const timeoutMs = timeout === undefined ? 0 : parseTimeout(timeout)
  const end = timeoutMs > MIN_TIMEOUT_MS ? AbortSignal.timeout(timeoutMs) : undefined
  const cancel = new AbortController()
  const onInterrupt = (): void => {
    cancel.abort()
  }
  // Once: the second time ends the program at once.
  process.once('SIGINT', onInterrupt)
  const signal = AbortSignal.any([cancel.signal, ...(end === undefined ? [] : [end])])
  try {
    return await client.waitFor(cid, { target, limit, signal })
  } catch (error) {
    if (cancel.signal.aborted) throw new Failure('waiting for pin status', 'context canceled', exitCodes.cancelled)
    if (end?.aborted === true) {
      throw new Failure('waiting for pin status', 'context deadline exceeded', exitCodes.timeout)
    }
    throw new Failure('waiting for pin status', error)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

/** What `pin add` and `pin rm` print: the pin, or the status once it was waited for. */
export async function showResult(
  client: ClusterClient,
  output: Output,
  pin: Pin,
  target: TrackerStatus,
  flags: WaitFlags
): Promise<void> {
  const needed = target === TrackerStatus.pinned ? pin.replicationFactorMin : 0
  const reached =
    flags.wait === true
      ? await waitForStatus(client, pin.cid, target, flags.waitLimit ?? needed, flags.waitTimeout)
      : undefined
  if (flags.status === false) {
    output.print(pin, formatPin, pinToJSON)
    return
  }
  if (reached === undefined) await pause(STATUS_DELAY_MS)
  output.print(
    reached ?? (await client.status(pin.cid)),
    (info) => formatStatus(info, output.paint),
    globalPinInfoToJSON
  )
}

function parseTimeout(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new Failure('parsing wait-timeout', error)
  }
}
