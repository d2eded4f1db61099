import { ClusterError, type Clock, type Cluster, type Logger, type Pages } from '@cluster/api'
import { ndjsonResponse, type HandlerEnv } from '@cluster/http'
import { cidFromText, peerIdFromText, restErrorToJSON } from '@cluster/wire'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { failureOf } from './error-status.ts'
import type { Tokens } from './tokens.ts'

/** One request as the handler of its route sees it. */
export interface RestCall {
  readonly cluster: Cluster
  readonly log: Logger
  /** Milliseconds since the Unix epoch, when the request came. */
  readonly nowMs: number
  readonly clock: Clock
  readonly query: ReadonlyMap<string, string>
  readonly env: HandlerEnv
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
  /** The tokens of the users; `undefined` when nobody has to authenticate. */
  readonly tokens: Tokens | undefined
  /** Who this peer is. */
  readonly self: { readonly peer: PeerId; readonly peername: string }
  /** Aborted when the API stops: answers without an end then end. */
  readonly stopping: AbortSignal
  /** Whether users have rights, so that pins have owners. */
  readonly hasOwners: boolean
  /** A parameter of the path, unescaped. */
  readonly parameter: (name: string) => string
}

/** Answers a request of one route; what it throws becomes the error body. */
export type RestHandler = (call: RestCall) => Response | Promise<Response>

const jsonHeaders = { 'Content-Type': 'application/json' }

/** One JSON value. */
export function valueAnswer(json: string): Response {
  return new Response(`${json}\n`, { headers: jsonHeaders })
}

/** Nothing to say. */
export function emptyAnswer(): Response {
  return new Response(null, { status: 204, headers: jsonHeaders })
}

/** The error body, which is logged as well. */
export function errorAnswer(error: unknown, log: Logger, headers: Readonly<Record<string, string>> = {}): Response {
  const { status, body } = errorBodyOf(error, log)
  return new Response(body, { status, headers: { ...jsonHeaders, ...headers } })
}

/** One JSON value per line, as they come; an error after the first goes into the trailer. */
export function streamAnswer<T>(
  call: RestCall,
  pages: Pages<T>,
  print: (item: T) => string,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly trailerOnSuccess?: boolean } = {}
): Promise<Response> {
  return ndjsonResponse(call.env, pages, {
    // The pages are the source's.
    stringify: (item) => print(item as T),
    failure: (error) => errorBodyOf(error, call.log),
    errorText: (error) => errorTextOf(error, call.log),
    ...more
  })
}

/** Values that come one by one as pages of one. */
export async function* onePerPage<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[], void, undefined> {
  for await (const item of items) yield [item]
}

/** The items of pages that are wanted. */
export async function* filtered<T>(
  pages: Pages<T>,
  isWanted: (item: T) => boolean
): AsyncGenerator<readonly T[], void> {
  for await (const page of pages) yield page.filter(isWanted)
}

/** The CID in a path or a list. @throws {ClusterError} `BAD_REQUEST` */
export function parseCid(text: string): CID {
  return orBadRequest('error decoding Cid', () => cidFromText(text))
}

/** The peer ID in a path. @throws {ClusterError} `BAD_REQUEST` */
export function parsePeer(text: string): PeerId {
  return orBadRequest('error decoding Peer ID', () => peerIdFromText(text))
}

/** Runs a parser whose failure is the fault of the client. */
export function orBadRequest<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ClusterError('BAD_REQUEST', `${what}: ${reason}`, { cause: error })
  }
}

/** Whether only this peer is asked: the literal `true`, nothing else. */
export function isLocal({ query }: RestCall): boolean {
  return query.get('local') === 'true'
}

function errorBodyOf(error: unknown, log: Logger): { status: number; body: string } {
  const { status, message } = failureOf(error)
  log.error(`sending error response: ${status}: ${message}`)
  return { status, body: `${restErrorToJSON({ code: status, message })}\n` }
}

function errorTextOf(error: unknown, log: Logger): string {
  const { message } = failureOf(error)
  log.error(`sending error at the end of a stream: ${message}`)
  return message
}
