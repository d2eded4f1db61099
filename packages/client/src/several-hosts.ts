import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

/** One place where the API is, and the way there. */
export interface Endpoint {
  /** A path in front of the routes is kept. */
  readonly url: URL
  readonly transport: Transport
}

/** Which of several hosts is asked first: always the first, or each in turn, beginning with the second as Go does. */
export type HostOrder = 'failover' | 'round-robin'

/** How several hosts are asked. */
export interface SeveralHostsOptions {
  /** Default `failover`. */
  readonly order?: HostOrder
  /** Most hosts asked for one request; default all. */
  readonly attempts?: number
}

/**
 * One API at several hosts: when one gives no answer, the next is asked, and the last failure is thrown. Any answer
 * counts, also an error. An upload can be read once only, so that one that listens is looked for first.
 *
 * @throws {RangeError} without endpoints
 * @see http-apis.md §4.4
 */
export function severalHosts(endpoints: readonly Endpoint[], options: SeveralHostsOptions = {}): Transport {
  const { order = 'failover', attempts = endpoints.length } = options
  if (endpoints.length === 0) throw new RangeError('there is no host')
  let turn = 0
  /** The endpoint of the n-th attempt of a request. */
  const endpointOf = (attempt: number): Endpoint => {
    const index = order === 'failover' ? attempt : ++turn
    return endpoints[index % endpoints.length] as Endpoint
  }
  return {
    readsTrailers: endpoints.every(({ transport }) => transport.readsTrailers),
    async send(request) {
      const source = { isBroken: false }
      const { body, signal } = request
      const isOnce = body !== undefined && typeof body !== 'string'
      const noted = isOnce ? { ...request, body: noting(body, source) } : request
      let last: unknown
      for (let attempt = 0; attempt < Math.max(1, attempts); attempt++) {
        const endpoint = endpointOf(attempt)
        try {
          if (isOnce && endpoints.length > 1) await listens(endpoint, signal)
          return await sendTo(endpoint, noted)
        } catch (error) {
          signal?.throwIfAborted()
          // What was to be sent could not be read: no host is to blame.
          if (source.isBroken) throw error
          last = error
        }
      }
      throw last
    },
    close() {
      for (const transport of new Set(endpoints.map((endpoint) => endpoint.transport))) transport.close()
    }
  }
}

function sendTo({ url, transport }: Endpoint, request: TransportRequest): Promise<TransportResponse> {
  const target = new URL(url)
  target.pathname = target.pathname.replace(/\/$/, '') + request.url.pathname
  target.search = request.url.search
  return transport.send({ ...request, url: target })
}

async function listens(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<void> {
  const url = new URL('http://host/health')
  const { body } = await sendTo(endpoint, { method: 'GET', url, headers: {}, signal })
  // To the end, so that the connection can be used again.
  const reader = body[Symbol.asyncIterator]()
  for (;;) if ((await reader.next()).done === true) return
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
