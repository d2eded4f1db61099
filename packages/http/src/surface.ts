import { getRequestListener } from '@hono/node-server'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AccessEntry, observeAccess } from './access-log.ts'
import type { Authenticator, Identity } from './authenticate.ts'
import type { Cors } from './cors.ts'
import { examinePath } from './request-path.ts'

/** What a handler gets beside the request; with hono it is `c.env`. */
export interface HandlerEnv {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  /** Aborted when the client goes away before the answer has ended. */
  readonly signal: AbortSignal
  /** Who asks; `undefined` where nobody has to say. */
  readonly identity?: Identity | undefined
}

/** A program behind a surface: `app.fetch` of hono, a gateway, any function. */
export type Handler = (request: Request, env: HandlerEnv) => Response | Promise<Response>

/** What stands between the socket and the handler, in the order in which it is applied. */
export interface SurfaceOptions {
  readonly handler: Handler
  /** Called once for each request after its answer. */
  readonly onAccess?: (entry: AccessEntry) => void
  readonly authenticate?: Authenticator
  /** Body of an error that the surface itself answers. */
  readonly errorBody?: (status: number, message: string) => string
  readonly cors?: Cors
  /** Redirect unclean paths, http-apis.md §1.10. Default false. */
  readonly cleanPaths?: boolean
  /** Headers of every answer of the handler but 405, and of 401. */
  readonly headers?: Readonly<Record<string, readonly string[]>>
  /** A handler that threw; the client gets an empty 500. */
  readonly onError?: (error: Error) => void
  /** Time in ms since 1970. Default `Date.now`. */
  readonly nowMs?: () => number
}

/**
 * The request pipeline that the HTTP APIs share: access log, authentication, CORS, paths, handler. The result is a
 * listener for `node:http`, for `listen()`, or for any stream that speaks HTTP/1.1.
 *
 * @see http-apis.md §1.3
 */
export function createSurface(options: SurfaceOptions): RequestListener {
  const nowMs = options.nowMs ?? Date.now
  const identities = new WeakMap<IncomingMessage, Identity>()
  const handle = getRequestListener(
    async (request, node) => {
      const [incoming, outgoing] = [node.incoming as IncomingMessage, node.outgoing as ServerResponse]
      const env = { incoming, outgoing, signal: signalOf(outgoing), identity: identities.get(incoming) }
      const answer = await options.handler(request, env)
      if (answer.status === 405) removeHeaders(outgoing)
      return answer
    },
    {
      overrideGlobalObjects: false, // the embedding program keeps its own Request and Response
      hostname: 'localhost', // HTTP/1.0 requests have no Host
      errorHandler: (error) => {
        options.onError?.(error instanceof Error ? error : new Error(String(error)))
        return new Response(null, { status: 500 })
      }
    }
  )

  const run = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (options.onAccess !== undefined) observeAccess(request, response, nowMs(), options.onAccess)
    // What HTTP/1.1 means anyway need not be said; the reference does not.
    const isKept = request.httpVersion === '1.1' && !/\bclose\b/i.test(request.headers.connection ?? '')
    if (isKept) response.removeHeader('Connection')
    const verdict = await options.authenticate?.(request)
    if (verdict !== undefined && 'status' in verdict) {
      addHeaders(response)
      response.setHeader('WWW-Authenticate', [...verdict.challenges])
      const body = options.errorBody?.(verdict.status, verdict.message) ?? ''
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
      response.writeHead(verdict.status, headers).end(body)
      return
    }
    if (verdict !== undefined) identities.set(request, verdict)
    if (options.cors?.(request, response) === true) return
    if (options.cleanPaths === true && answeredPath(request, response)) return
    addHeaders(response)
    await handle(request, response)
  }

  const addHeaders = (response: ServerResponse): void => {
    for (const [name, values] of Object.entries(options.headers ?? {})) response.setHeader(name, values)
  }

  const removeHeaders = (response: ServerResponse): void => {
    for (const name of Object.keys(options.headers ?? {})) response.removeHeader(name)
  }

  return (request, response) => {
    run(request, response).catch((error: unknown) => {
      options.onError?.(error instanceof Error ? error : new Error(String(error)))
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  }
}

function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new DOMException('the client went away', 'AbortError'))
  })
  return controller.signal
}

function answeredPath(request: IncomingMessage, response: ServerResponse): boolean {
  const verdict = examinePath(request.url ?? '/')
  switch (verdict.type) {
    case 'serve':
      request.url = verdict.url
      return false
    case 'bad':
      response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
      response.end('400 Bad Request')
      return true
    case 'redirect':
      redirect(request, response, verdict.status, verdict.location)
      return true
  }
}

function redirect(request: IncomingMessage, response: ServerResponse, status: number, location: string): void {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  response.setHeader('Location', location)
  if (status !== 307 || !isRead) {
    response.writeHead(status, { 'Content-Length': 0 }).end()
    return
  }
  const body = `<a href="${escapeHtml(location)}">Temporary Redirect</a>.\n\n`
  const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': Buffer.byteLength(body) }
  response.writeHead(status, headers).end(body)
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;'
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => htmlEscapes[character] ?? character)
}
