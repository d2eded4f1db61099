import type { Alert, ClusterEvent, Pin, PinInfo } from '@cluster/api'
import { alertFromJSON, parseJson, pinFromJSON, pinInfoFromJSON } from '@cluster/wire'
import type { AbortOptions } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { ApiError } from './api-error.ts'
import type { Query } from './route-request.ts'
import { serverEvents, type ServerEvent } from './server-events.ts'
import { pause } from './wait-for.ts'

/** Which events there are to choose from. */
export type PeerEventType = ClusterEvent['type']

/** What happened at a peer; `id` is where to go on after it. */
export type PeerEvent = { readonly id: string } & (
  | { readonly type: 'start'; readonly peer: string; readonly peername: string }
  /** Events are missing here: the peer was `restarted`, or has `forgotten` so many of them. */
  | { readonly type: 'lost'; readonly reason: string; readonly count: number | undefined }
  | { readonly type: 'pinset'; readonly change: PinsetEvent }
  | { readonly type: 'status'; readonly status: PinInfo }
  | { readonly type: 'peer'; readonly peer: string; readonly peername: string; readonly state: string }
  | { readonly type: 'alert'; readonly alert: Alert }
  | { readonly type: 'expired'; readonly cid: CID }
  | { readonly type: 'ready' }
)

/** A change of the pinset; after a `resync`, all of it may have changed. */
type PinsetEvent =
  | { readonly type: 'pin'; readonly pin: Pin }
  | { readonly type: 'unpin'; readonly cid: CID }
  | { readonly type: 'resync' }

/** Which events are wanted, and from where on. */
export interface EventsOptions extends AbortOptions {
  /** Only these; all unless given. `start` and `lost` always come. */
  readonly types?: readonly PeerEventType[]
  /** The `id` of the last event that was seen; without it, only what is new. */
  readonly lastEventId?: string
  /** Tries to connect again, one after the other without success, before it is given up; default 10. */
  readonly retries?: number
  /** Pause before the first of them, doubled with each; default 500 ms. */
  readonly retryMs?: number
}

const LONGEST_PAUSE_MS = 30_000

/** Connects to the stream. */
type Connect = (query: Query, signal: AbortSignal | undefined) => AsyncIterable<Uint8Array>

/** Events of a peer over as many connections as it takes. */
export async function* peerEvents(
  connect: Connect,
  { types, lastEventId, retries = 10, retryMs = 500, signal }: EventsOptions
): AsyncGenerator<PeerEvent, void> {
  let last = lastEventId
  let failures = 0
  let wasThere = false
  for (;;) {
    let isSilent = true
    try {
      for await (const event of serverEvents(connect({ types: types?.join(), 'last-event-id': last }, signal))) {
        isSilent = false
        wasThere = true
        failures = 0
        // The peer ends the stream of who does not read, and when it stops.
        if (event.event === 'end') break
        if (event.id !== '') last = event.id
        const known = eventOf(event)
        if (known !== undefined) yield known
      }
    } catch (error) {
      if (signal?.aborted === true || !wasThere || !isBroken(error)) throw error
      if (++failures > retries) throw error
      isSilent = false
    }
    // An end without a word is no better than a failure.
    if (isSilent && ++failures > retries) throw new ApiError('UNEXPECTED', 200, 'the stream of events ends at once')
    await pause(Math.min(retryMs * 2 ** Math.max(0, failures - 1), LONGEST_PAUSE_MS), signal)
  }
}

/** The connection is at fault, not what was asked. */
function isBroken(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'UNREACHABLE' || error.code === 'BROKEN')
}

function eventOf({ id, event, data }: ServerEvent): PeerEvent | undefined {
  try {
    return read(id, event, parseJson(data))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new ApiError('UNEXPECTED', 200, `event ${event}: ${text}`, { cause: error })
  }
}

/** Events that a later peer may tell are skipped. */
function read(id: string, type: string, json: unknown): PeerEvent | undefined {
  const text = (name: string): string => textOf(json, name)
  switch (type) {
    case 'start':
      return { id, type, peer: text('peer'), peername: text('peername') }
    case 'lost':
      return { id, type, reason: text('reason'), count: countOf(json) }
    case 'pinset':
      return { id, type, change: changeOf(json) }
    case 'status':
      return { id, type, status: pinInfoFromJSON(json) }
    case 'peer':
      return { id, type, peer: text('peer'), peername: text('peername'), state: text('state') }
    case 'alert':
      return { id, type, alert: alertFromJSON(json) }
    case 'expired':
      return { id, type, cid: CID.parse(text('cid')) }
    case 'ready':
      return { id, type }
    default:
      return undefined
  }
}

function changeOf(json: unknown): PinsetEvent {
  const type = textOf(json, 'type')
  if (type === 'pin') return { type, pin: pinFromJSON(propertyOf(json, 'pin')) }
  return type === 'unpin' ? { type, cid: CID.parse(textOf(json, 'cid')) } : { type: 'resync' }
}

function propertyOf(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>)[name] : undefined
}

function textOf(json: unknown, name: string): string {
  const value = propertyOf(json, name)
  return typeof value === 'string' ? value : ''
}

function countOf(json: unknown): number | undefined {
  const count = propertyOf(json, 'count')
  return typeof count === 'number' ? count : undefined
}
