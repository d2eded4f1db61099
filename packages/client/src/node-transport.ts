import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Transport, TransportOptions, TransportRequest, TransportResponse } from './transport.ts'

/** The transport of Node: connections are kept, uploads streamed with back-pressure, trailers read. */
export function defaultTransport({ ca, verifiesCertificates = true, socketPath }: TransportOptions = {}): Transport {
  const http = new HttpAgent({ keepAlive: true })
  const trusted = ca === undefined ? {} : { ca }
  const https = new HttpsAgent({ keepAlive: true, rejectUnauthorized: verifiesCertificates, ...trusted })
  const socket = socketPath === undefined ? {} : { socketPath }

  async function sendOnce(request: TransportRequest): Promise<TransportResponse> {
    const { method, url, headers, body, signal } = request
    const options = { method, headers, signal, ...socket }
    const outgoing =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, agent: https })
        : httpRequest(url, { ...options, agent: http })
    const answered = answerOf(outgoing)
    if (body === undefined || typeof body === 'string') {
      outgoing.end(body)
      return responseOf(await answered, request, undefined)
    }
    const upload = pipeline(Readable.from(body), outgoing)
    // A failed upload ends the request; when an answer is there already, it says why, so it is read to its end.
    upload.catch(() => undefined)
    return responseOf(await Promise.race([answered, failureOf(upload)]), request, upload)
  }

  return {
    readsTrailers: true,
    async send(request) {
      try {
        return await sendOnce(request)
      } catch (error) {
        request.signal?.throwIfAborted()
        // A kept connection may have been closed by the server just then; asking again is safe for reading only.
        if (request.method !== 'GET' || !isReset(error)) throw error
        return await sendOnce(request)
      }
    },
    close() {
      http.destroy()
      https.destroy()
    }
  }
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    // Stays: later errors arrive at the body as well, and must not be unhandled here.
    outgoing.on('error', reject)
  })
}

/** Never resolves; rejects when the upload fails. */
function failureOf(upload: Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    upload.catch(reject)
  })
}

function responseOf(
  incoming: IncomingMessage,
  { signal }: TransportRequest,
  upload: Promise<void> | undefined
): TransportResponse {
  return {
    status: incoming.statusCode ?? 0,
    statusText: incoming.statusMessage ?? '',
    location: incoming.headers.location,
    body: bodyOf(incoming, signal, upload),
    trailer: (name) => incoming.trailersDistinct[name.toLowerCase()] ?? []
  }
}

async function* bodyOf(
  incoming: IncomingMessage,
  signal: AbortSignal | undefined,
  upload: Promise<void> | undefined
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* incoming as AsyncIterable<Uint8Array>
  } catch (error) {
    signal?.throwIfAborted()
    // The connection broke because what was to be uploaded failed: that is the error.
    await upload
    throw error
  } finally {
    incoming.destroy()
  }
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}
