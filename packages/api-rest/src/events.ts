import {
  CLUSTER_EVENT_TYPES,
  ClusterError,
  type ClusterEvent,
  type ClusterEvents,
  type NumberedEvent,
  type PinsetChange
} from '@cluster/api'
import { eventStreamResponse, goJson, type EventFeed, type ServerEvent } from '@cluster/http'
import { alertToJSON, pinInfoToJSON, pinToJSON } from '@cluster/wire'
import type { RestCall, RestHandler } from './call.ts'

/** Events that may wait for a client. The peer remembers more, so that who was closed for it comes back without loss. */
const MAX_WAITING = 2048

/**
 * What happens at this peer, as server-sent events.
 *
 * @see http-apis.md §9, wish 8
 */
export const eventHandlers = {
  Events: (call) => {
    const { events } = call.cluster
    if (events === undefined) throw new ClusterError('NOT_SUPPORTED', 'this peer tells no events')
    const feed = new PeerEvents(call, events)
    const { clock } = call
    const setTimer = (inMs: number, fn: () => void): (() => void) => clock.setTimer(clock.nowMs() + inMs, fn)
    return eventStreamResponse(call.env, feed, { maxWaiting: MAX_WAITING, setTimer, signal: call.stopping })
  }
} as const satisfies Record<string, RestHandler>

/** Reads the memory of the peer from where the client was. */
class PeerEvents implements EventFeed {
  readonly #call: RestCall
  readonly #events: ClusterEvents
  readonly #types: ReadonlySet<string>
  /** The id that the client has seen. */
  #seen: number
  /** What is to be said before anything else. */
  #first: ServerEvent | undefined

  constructor(call: RestCall, events: ClusterEvents) {
    this.#call = call
    this.#events = events
    this.#types = wantedTypes(call.query.get('types') ?? '')
    const header = call.env.incoming.headers['last-event-id']
    const last = typeof header === 'string' ? header : (call.query.get('last-event-id') ?? '')
    this.#seen = events.lastId
    if (last === '') this.#first = { id: this.#idOf(this.#seen), event: 'start', data: goJson(whoOf(call)) }
    else this.#resume(last)
  }

  next(limit: number): readonly ServerEvent[] {
    const found: ServerEvent[] = []
    if (this.#first !== undefined) found.push(this.#first)
    this.#first = undefined
    while (found.length < limit && this.waiting() > 0) {
      const events = this.#events.since(this.#seen, limit - found.length)
      const [first] = events
      if (first !== undefined && first.id > this.#seen + 1) {
        found.push(this.#lost('forgotten', first.id - 1 - this.#seen, first.id - 1))
      }
      for (const event of events) if (this.#types.has(event.type)) found.push(this.#printed(event))
      this.#seen = events.at(-1)?.id ?? this.#events.lastId
    }
    return found
  }

  waiting(): number {
    return this.#events.lastId - this.#seen
  }

  onNew(fn: () => void): () => void {
    return this.#events.watch(fn)
  }

  #resume(last: string): void {
    const [run, text = ''] = last.split('-')
    const id = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (run === this.#events.run && id <= this.#events.lastId) {
      this.#seen = id
      return
    }
    // All that is remembered is new to who comes from before the last start.
    const [oldest] = this.#events.since(0, 1)
    this.#seen = (oldest?.id ?? this.#events.lastId + 1) - 1
    this.#first = this.#lost('restarted', undefined, this.#seen)
  }

  /** Says that events are missing before the next one. */
  #lost(reason: 'restarted' | 'forgotten', count: number | undefined, id: number): ServerEvent {
    return { id: this.#idOf(id), event: 'lost', data: goJson({ reason, count }) }
  }

  #printed(event: NumberedEvent): ServerEvent {
    return { id: this.#idOf(event.id), event: event.type, data: dataOf(event, this.#call) }
  }

  #idOf(id: number): string {
    return `${this.#events.run}-${id}`
  }
}

function wantedTypes(text: string): ReadonlySet<string> {
  const names = text.split(',').filter((name) => name !== '')
  const wrong = names.find((name) => !CLUSTER_EVENT_TYPES.some((type) => type === name))
  if (wrong !== undefined) {
    throw new ClusterError('BAD_REQUEST', `types: ${wrong} is none of ${CLUSTER_EVENT_TYPES.join(', ')}`)
  }
  return new Set(names.length === 0 ? CLUSTER_EVENT_TYPES : names)
}

/** The JSON of an event: that of the same thing elsewhere in the API. */
function dataOf(event: ClusterEvent, { self }: RestCall): string {
  switch (event.type) {
    case 'status': {
      const who = { peer: self.peer, peername: self.peername, ipfsPeerId: undefined, ipfsPeerAddresses: undefined }
      return pinInfoToJSON({ ...event.status, ...who })
    }
    case 'pinset':
      return changeToJSON(event.change)
    case 'peer':
      return goJson({ peer: event.peer.toString(), peername: event.peername, state: event.state })
    case 'alert':
      return alertToJSON(event.alert)
    case 'expired':
      return goJson({ cid: event.cid.toString() })
    case 'ready':
      return '{}'
  }
}

function changeToJSON(change: PinsetChange): string {
  if (change.type === 'pin') return `{"type":"pin","pin":${pinToJSON(change.pin)}}`
  return goJson(change.type === 'unpin' ? { type: 'unpin', cid: change.cid.toString() } : { type: 'resync' })
}

function whoOf({ self }: RestCall): { peer: string; peername: string } {
  return { peer: self.peer.toString(), peername: self.peername }
}
