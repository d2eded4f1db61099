import type { Clock, Cluster, Logger } from '@cluster/api'
import {
  cleanAbsolutePath,
  observeAccess,
  type AccessEntry,
  type Authenticator,
  type HandlerEnv,
  type Identity
} from '@cluster/http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { answerFailure, failureBody, parametersOf, textOf } from './call.ts'
import type { Daemon } from './daemon.ts'
import type { HijackHeaders } from './hijack-headers.ts'
import { hijackedCall, type Hijacked } from './hijacked-routes.ts'

/** What the proxy is made of. */
export interface ProxyInit {
  readonly cluster: Cluster
  readonly log: Logger
  readonly clock: Clock
  readonly daemon: Daemon
  readonly headers: HijackHeaders
  readonly onAccess: (entry: AccessEntry) => void
  readonly authenticate?: Authenticator
  readonly refuseForeignOrigins: boolean
  readonly pinImports: boolean
}

/**
 * The proxy as a listener for `node:http`: the cluster answers calls that pin, add and collect, the IPFS daemon all
 * others.
 *
 * @see http-apis.md §5
 */
export function createProxy(init: ProxyInit): RequestListener {
  const { log, clock } = init
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    observeAccess(incoming, outgoing, clock.nowMs(), init.onAccess)
    const identity = await init.authenticate?.(incoming)
    if (identity !== undefined && 'status' in identity) {
      outgoing.setHeader('WWW-Authenticate', [...identity.challenges])
      const body = failureBody(identity.message)
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
      outgoing.writeHead(identity.status, headers).end(body)
      return
    }
    const path = examine(incoming.url ?? '/')
    if (path === undefined) {
      const text = '400 Bad Request'
      outgoing.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(text)
      return
    }
    if (path.isUnclean) {
      outgoing.writeHead(301, { Location: path.location, 'Content-Length': 0 }).end()
      return
    }
    const parameters = parametersOf(incoming.url ?? '/')
    const hijacked = hijackedCall(incoming.method ?? '', path.decoded, parameters.query, init)
    if (hijacked !== undefined) {
      await answerCall(init, { incoming, outgoing, signal: signalOf(outgoing), identity }, parameters, hijacked)
      return
    }
    const failure = await init.daemon.forward(incoming, outgoing, { dropAuthorization: identity !== undefined })
    if (failure !== undefined) log.error(`http: proxy error: ${failure.message}`)
  }
  return (incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => {
      log.error(`a request could not be answered: ${textOf(error)}`)
      outgoing.destroy()
    })
  }
}

async function answerCall(
  init: ProxyInit,
  env: HandlerEnv & { readonly identity: Identity | undefined },
  { query, args }: ReturnType<typeof parametersOf>,
  { handler, argument }: Hijacked
): Promise<void> {
  const { cluster, log, clock, daemon } = init
  const { incoming, outgoing, signal } = env
  if (argument !== undefined) log.error(`misuse of the API: ${incoming.url ?? ''}: the argument belongs into the query`)
  try {
    await init.headers.apply(incoming, outgoing, signal)
    signal.throwIfAborted()
    if (init.refuseForeignOrigins && isForeign(incoming, outgoing)) {
      outgoing.writeHead(403, { 'Content-Type': 'text/plain; charset=utf-8' }).end('403 - Forbidden\n')
      return
    }
    const theirs = argument === undefined ? args : [argument]
    await handler({ cluster, log, clock, daemon, env, signal, query, args: theirs })
  } catch (error) {
    answerFailure(env, error, log)
  }
}

/** Whether a page of another site asks, whose origin the daemon does not allow. */
function isForeign({ headers: { origin, host } }: IncomingMessage, outgoing: ServerResponse): boolean {
  if (origin === undefined || outgoing.hasHeader('Access-Control-Allow-Origin')) return false
  return URL.parse(origin)?.host !== host
}

/** What a request asks for; `undefined` for what is no path. */
function examine(url: string): { decoded: string; isUnclean: boolean; location: string } | undefined {
  if (url === '*') return { decoded: url, isUnclean: false, location: url }
  const own = url.replace(/^https?:\/\/[^/?#]*/i, '')
  const mark = own.indexOf('?')
  const query = mark < 0 ? '' : own.slice(mark)
  const decoded = unescaped(mark < 0 ? own : own.slice(0, mark)) ?? ''
  if (!decoded.startsWith('/')) return undefined
  const clean = cleanAbsolutePath(decoded)
  const withSlash = decoded.endsWith('/') && clean !== '/' ? `${clean}/` : clean
  return { decoded, isUnclean: withSlash !== decoded, location: encodeURI(withSlash).replaceAll('?', '%3F') + query }
}

function unescaped(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new DOMException('the client went away', 'AbortError'))
  })
  return controller.signal
}
