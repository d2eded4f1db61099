import type { IncomingMessage } from 'node:http'

/** Headers that belong to one connection and are never passed on. @see RFC 9110 §7.6.1 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade'
])

/** What a request is passed on with. */
export interface ForwardOptions {
  /** The credentials were for the proxy: the daemon does not see them. */
  readonly dropAuthorization: boolean
}

/**
 * The headers of a request as the daemon gets them: those of one connection left out, the client's address added to
 * `X-Forwarded-For`, all others in their order and letter case. Names and values alternate.
 *
 * @see http-apis.md §5.3
 */
export function requestHeaders(request: IncomingMessage, { dropAuthorization }: ForwardOptions): string[] {
  const dropped = connectionHeaders(request.headers.connection)
  dropped.add('expect') // answered here already
  dropped.add('x-forwarded-for')
  dropped.add('trailer') // trailers of requests are not passed on
  if (dropAuthorization) dropped.add('authorization')
  const kept = without(request.rawHeaders, dropped)
  const client = request.socket.remoteAddress
  const before = request.headers['x-forwarded-for']
  const via = [...(before === undefined ? [] : [String(before)]), ...(client === undefined ? [] : [client])].join(', ')
  return via === '' ? kept : [...kept, 'X-Forwarded-For', via]
}

/** How an answer can be passed on. */
export interface AnswerForm {
  readonly statusCode: number
  readonly method: string
  /** HTTP/1.0 clients know no chunks, hence no trailers. */
  readonly hasChunks: boolean
}

/** The headers of an answer of the daemon as the client gets them. `Trailer` stays where trailers can follow. */
export function answerHeaders(raw: readonly string[], form: AnswerForm): string[] {
  const dropped = connectionHeaders(valueOf(raw, 'connection'))
  const hasBody = form.method !== 'HEAD' && form.statusCode !== 204 && form.statusCode !== 304
  if (!hasBody || !form.hasChunks || valueOf(raw, 'content-length') !== undefined) dropped.add('trailer')
  return without(raw, dropped)
}

function connectionHeaders(connection: string | undefined): Set<string> {
  const named = (connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  return new Set([...HOP_BY_HOP, ...named.filter((name) => name !== '')])
}

function without(raw: readonly string[], dropped: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]]
    if (!dropped.has(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}

function valueOf(raw: readonly string[], wanted: string): string | undefined {
  for (let at = 0; at + 1 < raw.length; at += 2) if (raw[at]?.toLowerCase() === wanted) return raw[at + 1]
  return undefined
}
