import { defaultTransport, type Transport, type TransportRequest, type TransportResponse } from '@cluster/client'
import type { Endpoint } from './endpoints.ts'
import type { Log } from './log.ts'
import { networkErrorText } from './network-error.ts'

/** How the endpoints are asked. */
export interface FailOverOptions {
  readonly endpoints: readonly Endpoint[]
  /** Of each request, with its answer; 0 for none. */
  readonly timeoutMs: number
  readonly verifiesCertificates: boolean
  /** Certificates to trust, as PEM. */
  readonly ca?: string
  readonly log: Log
}

const MAX_REDIRECTIONS = 10

/** The request was not answered in time. */
class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/**
 * Asks one endpoint after the other until one answers. An upload can be sent once only, so that with several endpoints
 * one that listens is looked for first.
 *
 * @see cli-config.md §1.4
 */
export function failOverTransport(options: FailOverOptions): Transport {
  const { endpoints, verifiesCertificates, ca, log } = options
  const doors = endpoints.map((endpoint) => {
    const { socketPath } = endpoint
    const trusted = ca === undefined ? {} : { ca }
    const socket = socketPath === undefined ? {} : { socketPath }
    return { endpoint, transport: defaultTransport({ verifiesCertificates, ...trusted, ...socket }) }
  })

  async function ask({ endpoint, transport }: (typeof doors)[number], request: TransportRequest) {
    const url = urlAt(endpoint, request.url)
    const shown = shownUrl(url, endpoint)
    const { method } = request
    log.debug('apiclient', `${method}: ${shown}`)
    const isLate = new AbortController()
    const timer =
      options.timeoutMs > 0
        ? setTimeout(() => {
            isLate.abort(new TimeoutError())
          }, options.timeoutMs)
        : undefined
    const signal = request.signal === undefined ? isLate.signal : AbortSignal.any([request.signal, isLate.signal])
    try {
      const response = await followed(transport, { ...request, url, signal })
      return { ...response, body: guardedBody(response.body, timer) }
    } catch (error) {
      clearTimeout(timer)
      request.signal?.throwIfAborted()
      const reason =
        error instanceof TimeoutError
          ? 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)'
          : networkErrorText(error, endpoint)
      throw new Error(`${capitalized(method)} "${shown}": ${reason}`, { cause: error })
    }
  }

  return {
    readsTrailers: true,
    async send(request) {
      const source = { isBroken: false }
      const { body } = request
      const isOnce = body !== undefined && typeof body !== 'string'
      const noted = isOnce ? { ...request, body: noting(body, source) } : request
      let last: unknown
      for (const [index, door] of doors.entries()) {
        log.debug('apiclient', `retrying ${(index + 1).toString()} times`)
        try {
          if (isOnce && doors.length > 1) await listens(door)
          return await ask(door, noted)
        } catch (error) {
          request.signal?.throwIfAborted()
          // What was to be sent could not be read: no endpoint is to blame.
          if (source.isBroken) throw error
          last = error
        }
      }
      const tries = doors.length.toString()
      log.error('apiclient', `reached maximum number of retries without success, retries: ${tries}`)
      throw last
    },
    close() {
      for (const { transport } of doors) transport.close()
    }
  }

  async function listens(door: (typeof doors)[number]): Promise<void> {
    const response = await ask(door, { method: 'GET', url: new URL('http://restapi/health'), headers: {} })
    // To the end, so that the connection can be used again.
    await readToEnd(response.body)
  }
}

async function followed(transport: Transport, request: TransportRequest): Promise<TransportResponse> {
  let response = await transport.send(request)
  let { url, headers } = request
  for (let count = 0; request.method === 'GET' && isRedirection(response); count++) {
    if (count === MAX_REDIRECTIONS) throw new Error(`stopped after ${MAX_REDIRECTIONS.toString()} redirects`)
    await readToEnd(response.body)
    const next = new URL(response.location ?? '', url)
    // Credentials are for the server that was named only.
    if (next.hostname !== url.hostname) {
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'))
    }
    url = next
    response = await transport.send({ ...request, url, headers })
  }
  return response
}

async function* noting(
  body: AsyncIterable<Uint8Array>,
  source: { isBroken: boolean }
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body
  } catch (error) {
    source.isBroken = true
    throw error
  }
}

async function readToEnd(body: AsyncIterable<Uint8Array>): Promise<void> {
  const reader = body[Symbol.asyncIterator]()
  for (;;) if ((await reader.next()).done === true) return
}

function isRedirection({ status, location }: TransportResponse): boolean {
  return [301, 302, 303, 307, 308].includes(status) && location !== undefined
}

async function* guardedBody(
  body: AsyncIterable<Uint8Array>,
  timer: NodeJS.Timeout | undefined
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body
  } catch (error) {
    if (error instanceof TimeoutError) {
      const reason = 'net/http: request canceled (Client.Timeout or context cancellation while reading body)'
      throw new Error(reason, { cause: error })
    }
    const isBroken = error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
    throw isBroken ? new Error('unexpected EOF', { cause: error }) : error
  } finally {
    clearTimeout(timer)
  }
}

function urlAt({ url }: Endpoint, asked: URL): URL {
  const result = new URL(asked)
  result.protocol = url.protocol
  result.host = url.host
  if (url.port === '') result.port = ''
  return result
}

function shownUrl(url: URL, { socketPath }: Endpoint): string {
  return socketPath === undefined ? url.href : url.href.replace('http:', 'http+unix:')
}

const capitalized = (method: string): string => method.charAt(0) + method.slice(1).toLowerCase()
