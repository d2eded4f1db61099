import type { Clock, Logger } from '@cluster/api'
import { CLUSTER_VERSION } from '@cluster/api'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as timeout, clearTimeout } from 'node:timers'
import { textOf } from './call.ts'
import type { Daemon } from './daemon.ts'

/** How long the daemon may take to say which headers it would send: then the answer goes without them. */
const HEADERS_TIMEOUT_MS = 5000
/** Copied from what the daemon answers to an `OPTIONS` of the same path. */
const CORS_HEADERS = ['access-control-allow-origin', 'vary', 'access-control-allow-credentials']
const EXTRACTED = 'access-control-expose-headers'

/** Where headers come from. */
export interface HijackHeadersInit {
  readonly daemon: Daemon
  readonly log: Logger
  readonly clock: Clock
  /** More headers to remember. */
  readonly extra: readonly string[]
  /** The call whose answer has them. */
  readonly path: string
  /** How long they are remembered; 0 for ever. */
  readonly ttlMs: number
}

type Headers = readonly (readonly [name: string, value: string | string[]])[]

/**
 * Gives the answers of the proxy itself the headers that the daemon would give them, so that pages which may talk with
 * the daemon may talk with the cluster.
 *
 * @see http-apis.md §5.4
 */
export class HijackHeaders {
  readonly #init: HijackHeadersInit
  #remembered: Headers = []
  #untilMs = -Infinity

  constructor(init: HijackHeadersInit) {
    this.#init = init
  }

  /** Sets the headers of an answer. What the daemon does not say is left out; it never fails. */
  async apply(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const limit = new AbortController()
    const timer = timeout(() => {
      limit.abort(new Error(`no answer within ${HEADERS_TIMEOUT_MS} ms`))
    }, HEADERS_TIMEOUT_MS)
    try {
      const both = AbortSignal.any([signal, limit.signal])
      const [cors, extracted] = await Promise.all([this.#cors(request, both), this.#extracted(both)])
      for (const [name, value] of [...cors, ...extracted]) response.setHeader(name, value)
    } finally {
      clearTimeout(timer)
    }
    response.setHeader('Content-Type', 'application/json')
    response.setHeader('Server', `ipfs-cluster/ipfsproxy/${CLUSTER_VERSION}`)
  }

  async #cors(request: IncomingMessage, signal: AbortSignal): Promise<Headers> {
    const { origin } = request.headers
    const headers = [
      'Access-Control-Request-Method',
      request.method ?? '',
      ...(origin === undefined ? [] : ['Origin', origin])
    ]
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    return this.#ask('OPTIONS', path, headers, CORS_HEADERS, signal).catch((error: unknown) => {
      this.#failed(error)
      return []
    })
  }

  async #extracted(signal: AbortSignal): Promise<Headers> {
    const { clock, ttlMs, path, extra } = this.#init
    if (clock.nowMs() < this.#untilMs) return this.#remembered
    const wanted = [EXTRACTED, ...extra.map((name) => name.toLowerCase())]
    try {
      this.#remembered = await this.#ask('POST', path, [], wanted, signal)
      this.#untilMs = ttlMs === 0 ? Infinity : clock.nowMs() + ttlMs
    } catch (error) {
      // What was known stays, and the next call asks again.
      this.#failed(error)
    }
    return this.#remembered
  }

  async #ask(
    method: 'OPTIONS' | 'POST',
    path: string,
    headers: string[],
    wanted: readonly string[],
    signal: AbortSignal
  ): Promise<Headers> {
    const { headers: found, body } = await this.#init.daemon.call({ method, path, headers, signal })
    await body.dump({ limit: 65_536, signal })
    return wanted.flatMap((name) => {
      const value = found[name]
      return value === undefined ? [] : [[name, value] as const]
    })
  }

  #failed(error: unknown): void {
    this.#init.log.warn(`headers of the IPFS daemon are not known: ${textOf(error)}`)
  }
}
