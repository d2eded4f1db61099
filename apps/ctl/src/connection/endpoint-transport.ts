import { redirected, type Transport } from '@cluster/client'
import type { Endpoint } from './endpoints.ts'
import type { Log } from './log.ts'
import { networkErrorText } from './network-error.ts'

/** How an endpoint is asked. */
export interface EndpointTransportOptions {
  /** Of each request, with its answer; 0 for none. */
  readonly timeoutMs: number
  readonly log: Log
}

/** The request was not answered in time. */
class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/**
 * The way to one endpoint, within the time of `--timeout`; what fails is told in the words that scripts know.
 *
 * @see cli-config.md §1.4
 */
export function endpointTransport(
  endpoint: Endpoint,
  way: Transport,
  { timeoutMs, log }: EndpointTransportOptions
): Transport {
  const transport = redirected(way)
  return {
    readsTrailers: transport.readsTrailers,
    async send(request) {
      const { method, url } = request
      const shown = shownUrl(url, endpoint)
      log.debug('apiclient', `${method}: ${shown}`)
      const isLate = new AbortController()
      const timer =
        timeoutMs > 0
          ? setTimeout(() => {
              isLate.abort(new TimeoutError())
            }, timeoutMs)
          : undefined
      const signal = request.signal === undefined ? isLate.signal : AbortSignal.any([request.signal, isLate.signal])
      try {
        const response = await transport.send({ ...request, signal })
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
    },
    close() {
      transport.close()
    }
  }
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

function shownUrl(url: URL, { socketPath }: Endpoint): string {
  return socketPath === undefined ? url.href : url.href.replace('http:', 'http+unix:')
}

const capitalized = (method: string): string => method.charAt(0) + method.slice(1).toLowerCase()
