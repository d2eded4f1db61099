import {
  ClusterError,
  formatDuration,
  IPFSPinStatus,
  type Clock,
  type IpfsCounters,
  type Pin,
  type PinDepth
} from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import type { HttpConfig } from '../config.ts'
import { escapeQuery, isSameContent, readValue } from '../daemon/answers.ts'
import type { KuboClient } from '../daemon/kubo-client.ts'
import { saysNoPinToUpdate, saysPinnedRecursively } from '../daemon/kubo-error.ts'
import { Watchdog } from '../daemon/watchdog.ts'

/** Origins of a pin that the daemon is connected with. */
const MAX_ORIGINS = 10
/** An update tells no progress: it may take as long as the slowest of the other calls that change a pin. */
const PIN_UPDATE_TIMEOUT_MS = 10_800_000

/** What a pin is added with. */
export interface PinContext {
  readonly client: KuboClient
  readonly clock: Clock
  readonly config: Pick<HttpConfig, 'pinTimeoutMs' | 'pinNames'>
  readonly counters: IpfsCounters | undefined
  readonly signal: AbortSignal
  status(cid: CID, depth: PinDepth): Promise<IPFSPinStatus>
  onProgress(nodes: number, bytes: number | undefined): void
}

/** Most bytes of the name of a pin that Kubo takes. */
const MAX_NAME_BYTES = 255

const progressLine = z.object({
  Progress: z.int().nullish(),
  Bytes: z.int().nullish(),
  Pins: z.array(z.string()).nullish()
})

/**
 * Lets the daemon fetch and pin, from an older version of the content when it has that pinned.
 *
 * @see behaviours.md §5.5
 */
export async function addPin(pin: Pin, context: PinContext): Promise<void> {
  const { counters } = context
  const endConnecting = connectOrigins(pin, context)
  counters?.pinAdd.increment()
  try {
    if (!(await updatePin(pin, context))) await fetchPin(pin, context)
    counters?.ipfsPins.increment()
  } catch (error) {
    counters?.pinAddErrors.increment()
    throw error
  } finally {
    await endConnecting?.()
  }
}

/** Connects the daemon with where the content is said to be; gives what ends that, if there is anything to end. */
function connectOrigins({ origins }: Pin, { client, signal }: PinContext): (() => Promise<void>) | undefined {
  if (origins === undefined || origins.length === 0) return undefined
  const ended = new AbortController()
  const call = { signal: AbortSignal.any([signal, ended.signal]), isLong: true, isOthersTime: true }
  const connecting = origins.slice(0, MAX_ORIGINS).map((origin) => {
    // Whether they can be reached or not: the daemon may find the content elsewhere.
    return client.text(`swarm/connect?arg=${escapeQuery(origin.toString())}`, call).catch(() => undefined)
  })
  return async () => {
    ended.abort()
    await Promise.all(connecting)
  }
}

/** Whether the pin was made out of the one that it follows up, and needs nothing more. */
async function updatePin({ cid, pinUpdate: from, maxDepth, name }: Pin, context: PinContext): Promise<boolean> {
  if (from === undefined || maxDepth === 0) return false
  const { client, clock, signal } = context
  const needsName = context.config.pinNames && name !== ''
  const status = await context.status(from, maxDepth).catch(() => IPFSPinStatus.unpinned)
  signal.throwIfAborted()
  if (status !== IPFSPinStatus.recursive) return false
  const limitMs = PIN_UPDATE_TIMEOUT_MS
  const message = `pin operation timed out: no update within ${formatDuration(limitMs)}`
  const watchdog = new Watchdog({ clock, limitMs, message, signal })
  const call = `pin/update?arg=${from.toString()}&arg=${cid.toString()}&unpin=false`
  try {
    await client.text(call, { signal: watchdog.signal, isLong: true, isPatient: true, isOthersTime: true })
    return !needsName // Kubo goes on with the old one; all content is there, so to add it again is quick
  } catch (error) {
    if (saysNoPinToUpdate(error)) return false // it went away in between
    throw error
  } finally {
    watchdog.close()
  }
}

async function fetchPin({ cid, maxDepth, name }: Pin, context: PinContext): Promise<void> {
  const { client, clock, signal, config } = context
  const limitMs = config.pinTimeoutMs
  const message = `pin operation timed out: no progress for ${formatDuration(limitMs)}`
  const watchdog = new Watchdog({ clock, limitMs, message, signal })
  const depth = maxDepth > 0 ? `max-depth=${maxDepth}&` : ''
  const named = config.pinNames && name !== '' ? `&name=${escapeQuery(shortened(name))}` : ''
  const recursive = maxDepth === 0 ? 'false' : 'true'
  const call = `pin/add?arg=${cid.toString()}&${depth}recursive=${recursive}&progress=true${named}`
  let highest = 0
  let isPinned = false
  try {
    const options = { signal: watchdog.signal, isLong: true, isPatient: true, isOthersTime: true }
    for await (const lines of client.lines(call, options)) {
      for (const line of lines) {
        const { Progress: nodes, Bytes: bytes, Pins: pins } = readValue(call, line, progressLine)
        isPinned ||= (pins ?? []).some((pinned) => isSameContent(pinned, cid))
        if (nodes == null || nodes <= highest) continue
        highest = nodes
        watchdog.progress()
        context.onProgress(nodes, bytes ?? undefined)
      }
    }
  } catch (error) {
    if (watchdog.signal.aborted) throw watchdog.signal.reason
    if (maxDepth === 0 && saysPinnedRecursively(error)) return
    throw error
  } finally {
    watchdog.close()
  }
  if (!isPinned) throw new ClusterError('IPFS', `IPFS ended ${call} without saying that it is pinned`)
}

/** The beginning of a name that Kubo takes. */
function shortened(name: string): string {
  const bytes = new Uint8Array(MAX_NAME_BYTES)
  const { written } = new TextEncoder().encodeInto(name, bytes)
  return new TextDecoder().decode(bytes.subarray(0, written))
}
