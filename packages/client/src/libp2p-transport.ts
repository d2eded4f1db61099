import { ByteReader, closeWrite, readStream, StreamError, writeStream } from '@cluster/streams'
import type { AbortOptions, Stream } from '@libp2p/interface'
import { readBody, readHead, requestHead, type Fields } from './http-message.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

/** The protocol over which peers serve their API: HTTP/1.1 as it is, each request on a stream of its own. */
export const LIBP2P_HTTP = '/libp2p-http'

/** How long the other side may take to end a stream after its answer. */
const END_TIMEOUT_MS = 5000

/** How to get to a peer. */
export interface Libp2pTransportOptions {
  /**
   * Opens a stream of {@link LIBP2P_HTTP}, as `libp2p.dialProtocol` does.
   *
   * @param peer - the host of the URL: the text of a peer ID
   */
  readonly connect: (peer: string, options: AbortOptions) => Promise<Stream>
}

/**
 * HTTP over libp2p, with the libp2p of the caller, in Node and browsers: uploads are streamed with back-pressure, and
 * trailers are read. URLs are `libp2p://<peer ID>`.
 *
 * @example
 * ```ts
 * const transport = libp2pTransport({ connect: (_, options) => libp2p.dialProtocol(address, LIBP2P_HTTP, options) })
 * const client = new ClusterClient({ url: 'libp2p://12D3KooW…', transport })
 * ```
 * @see http-apis.md §1.5
 */
export function libp2pTransport({ connect }: Libp2pTransportOptions): Transport {
  return {
    readsTrailers: true,
    async send(request) {
      const { signal } = request
      const stream = await connect(request.url.host, signal === undefined ? {} : { signal })
      const onAbort = (): void => {
        stream.abort(asError(signal?.reason))
      }
      signal?.addEventListener('abort', onAbort)
      const release = (): void => {
        signal?.removeEventListener('abort', onAbort)
      }
      try {
        signal?.throwIfAborted()
        return await exchange(stream, request, release)
      } catch (error) {
        release()
        stream.abort(asError(error))
        throw error
      }
    },
    close: () => undefined
  }
}

async function exchange(stream: Stream, request: TransportRequest, release: () => void): Promise<TransportResponse> {
  const reader = new ByteReader(readStream(stream))
  const source = { isBroken: false }
  const upload = send(stream, request, source)
  const answered = readHead(reader)
  // A side that has answered need not take the rest of the request: the answer says why.
  const sent = upload.then(
    () => answered,
    async (error: unknown) => {
      if (source.isBroken || !(error instanceof StreamError)) throw error
      return await answered.catch(() => Promise.reject(asError(error)))
    }
  )
  const head = await Promise.race([answered, sent])
  const { status, statusText, headers } = head
  let trailers: Fields = new Map()
  const body = readBody(reader, head, (fields) => {
    trailers = fields
  })
  return {
    status,
    statusText,
    location: headers.get('location')?.[0],
    body: bodyOf(body, stream, release),
    trailer: (name) => trailers.get(name.toLowerCase()) ?? []
  }
}

async function send(
  stream: Stream,
  { method, url, headers, body }: TransportRequest,
  source: { isBroken: boolean }
): Promise<void> {
  const encoder = new TextEncoder()
  if (body === undefined || typeof body === 'string') {
    const bytes = encoder.encode(body ?? '')
    const length = bytes.length === 0 ? {} : { 'content-length': bytes.length.toString() }
    const head = requestHead(method, url, { ...headers, ...length })
    await writeStream(stream, joined(head, bytes))
    return
  }
  await writeStream(stream, requestHead(method, url, { ...headers, 'transfer-encoding': 'chunked' }))
  const parts = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const step = await parts.next().catch((error: unknown) => {
        source.isBroken = true
        throw error
      })
      if (step.done === true) break
      if (step.value.length === 0) continue
      const size = encoder.encode(`${step.value.length.toString(16)}\r\n`)
      await writeStream(stream, joined(size, step.value, encoder.encode('\r\n')))
    }
  } finally {
    await parts.return?.()
  }
  await writeStream(stream, encoder.encode('0\r\n\r\n'))
}

async function* bodyOf(
  body: AsyncGenerator<Uint8Array, void, undefined>,
  stream: Stream,
  release: () => void
): AsyncGenerator<Uint8Array, void, undefined> {
  let isWhole = false
  try {
    yield* body
    isWhole = true
  } finally {
    release()
    if (isWhole) void end(stream)
    else stream.abort(new Error('the answer is not wanted any more'))
  }
}

async function end(stream: Stream): Promise<void> {
  try {
    await closeWrite(stream, { signal: AbortSignal.timeout(END_TIMEOUT_MS) })
    await stream.closeRead()
  } catch (error) {
    stream.abort(asError(error))
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
