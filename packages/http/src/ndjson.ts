import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { discardUpload } from './discard-upload.ts'
import { goJson } from './go-json.ts'
import type { HandlerEnv } from './surface.ts'

/** How a stream of objects is answered. */
export interface NdjsonOptions {
  /** Status and body when an error comes before the first object. */
  readonly failure: (error: unknown) => { readonly status: number; readonly body: string }
  /** Text of the trailer when an error comes later. Default: the message. */
  readonly errorText?: (error: unknown) => string
  /** One object as a line. Default: `goJson`. */
  readonly stringify?: (item: unknown) => string
  /** More headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Send the trailer, empty, also when all went well. Default true. */
  readonly trailerOnSuccess?: boolean
  /** Status when there was no object and no error. Default 204. */
  readonly emptyStatus?: number
  /** Declare the trailer also when there was no object; needs a status with a body. Default false. */
  readonly trailerWhenEmpty?: boolean
}

const trailerName = 'X-Stream-Error'
/** Characters of lines that are written at once. */
const partLength = 16_384

/**
 * Answers with one JSON object a line, as they come. The status line is held back until the first object or error;
 * an error after it goes into the trailer `X-Stream-Error`. The source is pulled no faster than the client reads; when
 * the client leaves, the source is closed (and should listen to `env.signal`).
 *
 * Writes to the socket's response itself, and returns what tells hono so.
 *
 * @see http-apis.md §1.11
 */
export async function ndjsonResponse(
  env: HandlerEnv,
  pages: AsyncIterable<readonly unknown[]>,
  options: NdjsonOptions
): Promise<Response> {
  const { outgoing, incoming, signal } = env
  const stringify = options.stringify ?? goJson
  const hasTrailer = incoming.httpVersionMajor > 1 || incoming.httpVersionMinor > 0
  const iterator = pages[Symbol.asyncIterator]()
  let failure: { readonly error: unknown } | undefined
  try {
    for (;;) {
      const next = await unlessGone(iterator.next(), signal)
      if (next === 'gone' || next.done === true) break
      if (next.value.length === 0) continue
      start()
      if (!(await send(next.value))) break
    }
  } catch (error) {
    failure = { error }
  } finally {
    if (signal.aborted || outgoing.destroyed) void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
  if (signal.aborted || outgoing.destroyed) return RESPONSE_ALREADY_SENT
  if (!incoming.complete) await discardUpload(incoming, signal)
  finish()
  return RESPONSE_ALREADY_SENT

  /** In small parts: a long text is taken for old by the collector, and stays. Answers false when the client left. */
  async function send(items: readonly unknown[]): Promise<boolean> {
    let text = ''
    for (const item of items) {
      text += `${stringify(item)}\n`
      if (text.length < partLength) continue
      if (!outgoing.write(text) && !(await drained())) return false
      text = ''
    }
    return text === '' || outgoing.write(text) || (await drained())
  }

  function start(): void {
    if (outgoing.headersSent) return
    if (hasTrailer) outgoing.setHeader('Trailer', trailerName)
    outgoing.writeHead(200, { ...options.headers, 'Content-Type': 'application/json' })
  }

  function finish(): void {
    if (!outgoing.headersSent) {
      const headers = { ...options.headers, 'Content-Type': 'application/json' }
      const { status, body } =
        failure === undefined ? { status: options.emptyStatus ?? 204, body: undefined } : options.failure(failure.error)
      if (hasTrailer && failure === undefined && options.trailerWhenEmpty === true) {
        outgoing.setHeader('Trailer', trailerName)
      }
      outgoing.writeHead(status, headers).end(body)
      return
    }
    if (hasTrailer && (failure !== undefined || options.trailerOnSuccess !== false)) {
      const text = failure === undefined ? '' : (options.errorText ?? messageOf)(failure.error)
      outgoing.addTrailers({ [trailerName]: trailerValue(text) })
    }
    outgoing.end()
  }

  /** Resolves with false when the client left instead. */
  async function drained(): Promise<boolean> {
    return await new Promise((resolve) => {
      const settle = (): void => {
        outgoing.off('drain', settle).off('close', settle)
        resolve(!outgoing.destroyed)
      }
      outgoing.on('drain', settle).on('close', settle)
    })
  }
}

/** Header values take no control characters and nothing outside Latin-1. */
export function trailerValue(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is to be replaced
  return text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/[^\u0020-\u00ff]/gu, '?')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The result, or `gone` when the client leaves first. Each page waits by itself: a race with one promise that lasts as
 * long as the answer would keep all its pages in memory.
 */
function unlessGone<T>(work: Promise<T>, signal: AbortSignal): Promise<T | 'gone'> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      resolve('gone')
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', leave)
    })
  })
}
