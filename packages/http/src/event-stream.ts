import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { HandlerEnv } from './surface.ts'

/** One event of a stream. */
export interface ServerEvent {
  /** Where a client goes on that comes back. */
  readonly id?: string
  /** The type; without one it is `message`. */
  readonly event?: string
  /** Lines are kept. */
  readonly data: string
}

/** Where the events of one client come from. It remembers what the client has not read; nothing is queued beside it. */
export interface EventFeed {
  /** Takes the next events, at most so many; nothing when there are none. */
  next(limit: number): readonly ServerEvent[]
  /** How many events wait. */
  waiting(): number
  /** Calls back whenever there is a new event; returns what ends it. */
  onNew(fn: () => void): () => void
}

/** How events are sent. */
export interface EventStreamOptions {
  /** Most events that may wait for a client that does not read. Default 2048. */
  readonly maxWaiting?: number
  /** How long more than that may wait. Default 1 s. */
  readonly patienceMs?: number
  /** A comment is sent so often, so that nobody takes a quiet stream for a dead one. Default 15 s. */
  readonly heartbeatMs?: number
  /** Calls back at a time; returns what ends it. Default: the timers and clock of the machine. */
  readonly setTimer?: (inMs: number, fn: () => void) => () => void
  /** Ends the stream: the server stops. */
  readonly signal?: AbortSignal
}

/** Why a stream was ended by the server: the data of the last event, of type `end`. */
export type EventStreamEnd =
  /** The client did not read, and more events wait for it than may. */
  | 'SLOW_CLIENT'
  /** The server stops. */
  | 'STOPPED'

const endTexts: Readonly<Record<EventStreamEnd, string>> = {
  SLOW_CLIENT: 'events were not read in time: connect again with Last-Event-ID',
  STOPPED: 'the server stops'
}

/** Events that are written at once. */
const PAGE = 64
/** How long a client that was ended may take to read the rest. */
const LINGER_MS = 5000

const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache',
  'X-Accel-Buffering': 'no' // proxies would hold events back
}

/**
 * Answers with server-sent events until the client leaves. A client that does not read is not waited for: when more
 * than `maxWaiting` events wait for longer than `patienceMs`, the stream ends with an event of type `end` whose data say
 * why: `{"code":"SLOW_CLIENT","message":…}`.
 *
 * Writes to the socket's response itself, and returns what tells hono so.
 *
 * @see http-apis.md §9, wish 8
 */
export function eventStreamResponse(
  { outgoing, signal: gone }: HandlerEnv,
  feed: EventFeed,
  {
    maxWaiting = 2048,
    patienceMs = 1000,
    heartbeatMs = 15_000,
    setTimer = systemTimer,
    signal
  }: EventStreamOptions = {}
): Promise<Response> {
  const over = Promise.withResolvers<Response>()
  let isBlocked = false
  let isOver = false
  let isJudged = false
  let cancelHeartbeat = (): void => undefined
  let cancelJudging = (): void => undefined

  const write = (text: string): void => {
    isBlocked = !outgoing.write(text)
  }
  const pump = (): void => {
    while (!isBlocked && !isOver) {
      const events = feed.next(PAGE)
      if (events.length === 0) return
      write(events.map(formatEvent).join(''))
    }
    if (feed.waiting() > maxWaiting) judgeLater()
  }
  /** What comes all at once says nothing of the client: it gets some time to take it. */
  const judgeLater = (): void => {
    if (isJudged || isOver) return
    isJudged = true
    cancelJudging = setTimer(patienceMs, () => {
      isJudged = false
      if (feed.waiting() > maxWaiting) end('SLOW_CLIENT')
    })
  }
  const onDrain = (): void => {
    isBlocked = false
    pump()
  }
  const beat = (): void => {
    if (!isBlocked) write(': still here\n\n')
    cancelHeartbeat = setTimer(heartbeatMs, beat)
  }
  const onStop = (): void => {
    end('STOPPED')
  }
  const finish = (): void => {
    if (isOver) return
    isOver = true
    leave()
    cancelHeartbeat()
    cancelJudging()
    outgoing.off('drain', onDrain)
    signal?.removeEventListener('abort', onStop)
    gone.removeEventListener('abort', finish)
    over.resolve(RESPONSE_ALREADY_SENT)
  }
  function end(code: EventStreamEnd): void {
    if (isOver) return
    finish()
    outgoing.end(formatEvent({ event: 'end', data: JSON.stringify({ code, message: endTexts[code] }) }))
    const cancel = setTimer(LINGER_MS, () => outgoing.destroy())
    outgoing.once('close', cancel)
  }

  outgoing.writeHead(200, headers)
  outgoing.flushHeaders()
  const leave = feed.onNew(pump)
  outgoing.on('drain', onDrain)
  gone.addEventListener('abort', finish, { once: true })
  signal?.addEventListener('abort', onStop, { once: true })
  cancelHeartbeat = setTimer(heartbeatMs, beat)
  pump()
  if (gone.aborted) finish()
  else if (signal?.aborted === true) onStop()
  return over.promise
}

/** An event as bytes of the stream. Line ends cannot be forged: those in an id or type become spaces. */
export function formatEvent({ id, event, data }: ServerEvent): string {
  const line = (name: string, text: string | undefined): string =>
    text === undefined ? '' : `${name}: ${text.replace(/[\r\n\0]/g, ' ')}\n`
  const lines = data.split(/\r\n|\r|\n/).map((text) => `data: ${text}\n`)
  return `${line('id', id)}${line('event', event)}${lines.join('')}\n`
}

function systemTimer(inMs: number, fn: () => void): () => void {
  const timer = setTimeout(fn, inMs)
  return () => {
    clearTimeout(timer)
  }
}
