import { ClusterError } from '@cluster/api'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { Pool, type Dispatcher } from 'undici'
import { requestHeaders, type ForwardOptions } from './forwarded-headers.ts'
import type { NodeTarget } from './node-target.ts'
import { AnswerPipe } from './answer-pipe.ts'

/** Calls at once, as many as a listener has connections; more wait. */
const MAX_CONNECTIONS = 4096
const CONNECT_TIMEOUT_MS = 10_000

/** A call that the proxy makes for itself. */
export interface DaemonCall {
  readonly method: 'POST' | 'OPTIONS'
  /** Path and query. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body?: Readable
  readonly signal: AbortSignal
}

/**
 * The IPFS daemon behind the proxy, over kept connections. Nothing is retried, and nothing is given up as long as the
 * client waits.
 */
export class Daemon {
  readonly #pool: Pool

  constructor({ origin, socketPath }: NodeTarget) {
    this.#pool = new Pool(origin, {
      connections: MAX_CONNECTIONS,
      // A call may take as long as it takes: it ends when the client leaves.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...(socketPath === undefined ? {} : { socketPath }) }
    })
  }

  /** Ends all calls. Idempotent. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.destroy()
  }

  /**
   * Passes a request on and its answer back, both as they come and no faster than the other side takes them. An answer
   * that breaks off cuts the connection of the client; a client that leaves ends the call.
   *
   * @returns once the answer has ended, with what went wrong if anything did
   */
  async forward(
    request: IncomingMessage,
    response: ServerResponse,
    options: ForwardOptions
  ): Promise<Error | undefined> {
    const pipe = new AnswerPipe(request, response)
    try {
      this.#pool.dispatch(
        {
          method: request.method ?? 'GET',
          path: pathOf(request),
          headers: requestHeaders(request, options),
          body: hasBody(request) ? request : null
        },
        pipe
      )
    } catch (error) {
      pipe.fail(error instanceof Error ? error : new Error(String(error)))
    }
    return pipe.done
  }

  /** @throws {ClusterError} `IPFS` when there is no answer; the reason of the signal when that aborts */
  async call({ method, path, headers, body, signal }: DaemonCall): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#pool.request({ method, path, headers, signal, body: body ?? null })
    } catch (error) {
      signal.throwIfAborted()
      const reason = error instanceof Error ? error.message : String(error)
      throw new ClusterError('IPFS', `IPFS does not answer: ${reason}`, { cause: error })
    }
  }
}

/** Whether a request has a body, be it an empty one. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined
}

/** Path and query; the form with a host in front is for proxies. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '') || '/'
}
