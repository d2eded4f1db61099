import { ClusterError, isClusterError, type BaseContext } from '@cluster/api'
import { Readable } from 'node:stream'
import { Pool, type Dispatcher } from 'undici'
import { Breaker } from './breaker.ts'
import type { DaemonAddress } from './daemon-address.ts'
import type { DaemonHealth } from './daemon-health.ts'
import { KuboError } from './kubo-error.ts'
import { readAll, readLines, type Bytes } from './read-answer.ts'

/** Connections for calls that end soon: more of them wait, each within its own limit. */
const SHORT_CONNECTIONS = 64
/** Connections for calls that last: as many as the tracker pins at once and streams that come in. */
const LONG_CONNECTIONS = 1024
/** What a connection fails with when nobody listens: no Unix socket there is, or none that is open. */
const REFUSED: readonly unknown[] = ['ECONNREFUSED', 'ENOENT']
/** What a proxy before the daemon answers with when that does not. */
const PROXY_STATUSES: readonly number[] = [502, 503, 504]
const CONNECT_TIMEOUT_MS = 10_000
const SOCKET_CONNECT_TIMEOUT_MS = 1000
/** Most bytes of an answer that is one JSON object; a daemon with 10,000 peers has about 2 MiB of them. */
const MAX_JSON_BYTES = 16 << 20
/** Most bytes of an error. A proxy may answer with a page of HTML. */
const MAX_ERROR_BYTES = 64 << 10
/** The most of a text that is no error of Kubo which is worth showing. */
const MAX_SHOWN_CHARACTERS = 1000

/** What makes a client. */
export interface KuboClientInit extends Pick<BaseContext, 'clock' | 'log'> {
  readonly address: DaemonAddress
  /** Is told how calls end. */
  readonly health: DaemonHealth
  /** Value of the header `Authorization`. */
  readonly authorization?: string | undefined
}

/** How one call is made. */
export interface CallOptions {
  readonly signal: AbortSignal
  /** Takes a connection of those for calls that last: pins, garbage collection, streams of blocks. */
  readonly isLong?: boolean
  /** Waits for a daemon that is taken for dead, one attempt per second, instead of failing at once. */
  readonly isPatient?: boolean
  /** A `TIMEOUT` of the signal says nothing of the daemon: it was waiting for others. */
  readonly isOthersTime?: boolean
  readonly body?: AsyncIterable<Uint8Array>
  readonly contentType?: string
}

/** The good answer to a call. Must be read to its end, or the call aborted. */
export interface Answer {
  /** The body; ends with an error when the daemon reports one after it, in the trailer `X-Stream-Error`. */
  readonly bytes: Bytes
}

/**
 * Calls of Kubo's HTTP RPC over kept connections. Never retries. After ten calls in a row without an answer the others
 * fail at once, but for one per second, until one is answered.
 *
 * @see behaviours.md §5.2
 */
export class KuboClient {
  readonly #init: KuboClientInit
  readonly #short: Pool
  readonly #long: Pool
  readonly #breaker = new Breaker()

  constructor(init: KuboClientInit) {
    this.#init = init
    const { origin, socketPath } = init.address
    const pool = (connections: number): Pool =>
      new Pool(origin, {
        connections,
        // Each call has limits of its own that know what it waits for.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: socketPath === undefined ? CONNECT_TIMEOUT_MS : SOCKET_CONNECT_TIMEOUT_MS,
          ...(socketPath === undefined ? {} : { socketPath })
        }
      })
    this.#short = pool(SHORT_CONNECTIONS)
    this.#long = pool(LONG_CONNECTIONS)
  }

  /** Ends all calls and closes all connections. Idempotent. */
  async close(): Promise<void> {
    for (const pool of [this.#short, this.#long]) if (!pool.destroyed) await pool.destroy()
  }

  /**
   * Makes a call.
   *
   * @param call - path below `/api/v0/` with its query, escaped
   * @throws {KuboError} what the daemon answers
   * @throws {ClusterError} `IPFS` when it does not answer; the reason of the signal when that aborts
   */
  async call(call: string, options: CallOptions): Promise<Answer> {
    const answer = await this.#send(call, options)
    const bytes = readBody(call, answer, options.signal)
    const { statusCode: status } = answer
    if (PROXY_STATUSES.includes(status)) this.#init.health.down(`the proxy before it answers with ${status}`)
    else this.#init.health.up()
    if (status === 200) return { bytes }
    throw errorOf(call, status, (await readAll(bytes, MAX_ERROR_BYTES)).toString('utf8'))
  }

  /** The answer of a call as text, which may hold one JSON object. */
  async text(call: string, options: CallOptions): Promise<string> {
    const { bytes } = await this.call(call, options)
    return (await readAll(bytes, MAX_JSON_BYTES)).toString('utf8')
  }

  /** The answer of a call as the JSON values in its lines, as many at a time as have arrived. */
  async *lines(call: string, options: CallOptions): AsyncGenerator<readonly unknown[]> {
    const { bytes } = await this.call(call, options)
    for await (const lines of readLines(bytes)) yield lines.map((line) => parseLine(call, line))
  }

  async #send(call: string, options: CallOptions): Promise<Dispatcher.ResponseData> {
    const { signal, isLong = false, isPatient = false, isOthersTime = false, body, contentType } = options
    signal.throwIfAborted()
    await this.#admit(call, isPatient, signal)
    const { authorization, log, health } = this.#init
    try {
      const answer = await (isLong ? this.#long : this.#short).request({
        method: 'POST',
        path: `/api/v0/${call}`,
        signal,
        body: body === undefined ? null : Readable.from(body, { objectMode: false }),
        headers: {
          ...(contentType === undefined ? {} : { 'content-type': contentType }),
          ...(authorization === undefined ? {} : { authorization })
        }
      })
      if (this.#breaker.answered()) log.info('IPFS answers again')
      return answer
    } catch (error) {
      const isTimeout = signal.aborted && isClusterError(signal.reason, 'TIMEOUT') && !isOthersTime
      const cause = textOf(signal.aborted ? signal.reason : error)
      if (signal.aborted && !isTimeout) this.#breaker.gaveUp()
      else if (this.#breaker.failed(cause)) log.warn(`IPFS does not answer, calls fail until it does: ${cause}`)
      // whatever else the daemon is busy with, who it is it can say
      const isHung = isTimeout && call === 'id'
      if (this.#breaker.isOpen || isRefused(error) || isHung)
        health.down(isTimeout ? `no answer in time (${call})` : cause)
      if (signal.aborted) throw signal.reason
      throw noAnswer(call, cause, error)
    }
  }

  async #admit(call: string, isPatient: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    for (;;) {
      const admission = this.#breaker.admit(clock.nowMs())
      if (admission.go) return
      if (!isPatient) throw noAnswer(call, this.#breaker.lastFailure)
      await waitUntil(clock, admission.atMs, signal)
    }
  }
}

async function waitUntil(clock: KuboClientInit['clock'], atMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      cancel()
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the caller aborted with
      reject(signal.reason)
    }
    const cancel = clock.setTimer(atMs, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
    signal.addEventListener('abort', stop, { once: true })
  })
}

async function* readBody(
  call: string,
  { statusCode, body, trailers }: Dispatcher.ResponseData,
  signal: AbortSignal
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    signal.throwIfAborted()
    throw new ClusterError('IPFS', `IPFS broke off its answer (${call}): ${textOf(error)}`, { cause: error })
  }
  const late = trailers['x-stream-error']
  if (late !== undefined && late !== '') throw new KuboError(call, statusCode, late)
}

function errorOf(call: string, status: number, text: string): ClusterError {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
      const { Message: message } = json as { Message?: unknown }
      return new KuboError(call, status, typeof message === 'string' ? message : '')
    }
  } catch {
    // not Kubo's
  }
  const shown = text.slice(0, MAX_SHOWN_CHARACTERS)
  return new ClusterError('IPFS', `IPFS request failed (is it running?) (${call}). Code ${status}: ${shown}`)
}

/** An error that comes in the middle of a stream counts like one that comes instead of it. */
function parseLine(call: string, line: string): unknown {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (error) {
    const shown = line.slice(0, MAX_SHOWN_CHARACTERS)
    throw new ClusterError('IPFS', `IPFS answered with what is no JSON (${call}): ${shown}`, { cause: error })
  }
  if (typeof json === 'object' && json !== null && 'Type' in json && json.Type === 'error' && 'Message' in json) {
    throw new KuboError(call, 200, String(json.Message))
  }
  return json
}

function noAnswer(call: string, reason: string, cause?: unknown): ClusterError {
  return new ClusterError('IPFS', `IPFS request failed (is it running?) (${call}): ${reason}`, { cause })
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && REFUSED.includes(error.code)
}

/** Node reports several failed addresses of a name as one error without a text. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return (error.errors as unknown[]).map(textOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
