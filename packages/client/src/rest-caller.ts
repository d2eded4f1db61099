import { restErrorFromJSON, restRoutes, parseJson, type RestRouteName } from '@cluster/wire'
import { ApiError, type ApiErrorCode } from './api-error.ts'
import { textOf, valuesOf } from './body.ts'
import type { Transport, TransportResponse } from './transport.ts'

/** What a call adds to its route. */
export interface CallInit {
  /** Values of the parameters in the path. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Without the question mark. */
  readonly query?: string | undefined
  readonly contentType?: string
  readonly body?: string | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
}

/** The trailer in which errors come after items. */
const STREAM_ERROR = 'X-Stream-Error'

/**
 * Calls routes of the REST API and sorts their answers into values and errors.
 *
 * @see http-apis.md §4.3
 */
export class RestCaller {
  readonly #base: URL
  readonly #headers: Readonly<Record<string, string>>
  readonly #transport: Transport

  constructor(base: URL, headers: Readonly<Record<string, string>>, transport: Transport) {
    this.#base = base
    this.#headers = headers
    this.#transport = transport
  }

  /** Whether errors after the first items can be seen. */
  get readsTrailers(): boolean {
    return this.#transport.readsTrailers
  }

  /** The value that a route answers; `undefined` for an answer without one. */
  async value(name: RestRouteName, init: CallInit = {}): Promise<unknown> {
    const { status, body } = await this.#call(name, init)
    const text = await guarded(textOf(body, status), init.signal, 'UNEXPECTED', status)
    if (status === 204 || status === 202) return undefined
    return readAs(status, () => parseJson(text))
  }

  /** The items that a route streams. An error after them is thrown at the end. */
  async *items<T>(name: RestRouteName, read: (json: unknown) => T, init: CallInit = {}): AsyncGenerator<T, void> {
    const response = await this.#call(name, init)
    const { status, body } = response
    if (status !== 200 && status !== 204) {
      throw new ApiError('UNEXPECTED', status, 'expected streaming response with code 200/204')
    }
    const values = valuesOf(body, status)
    try {
      for (;;) {
        const step = await guarded(values.next(), init.signal, 'BROKEN', status)
        if (step.done === true) break
        yield readAs(status, () => read(step.value))
      }
    } finally {
      await values.return()
    }
    const errors = response.trailer(STREAM_ERROR).filter((text) => text !== '')
    if (errors.length > 0) throw new ApiError('BROKEN', 500, errors.join('; '))
  }

  /** The bytes that a route answers, as they come. */
  async *bytes(name: RestRouteName, init: CallInit = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { status, body } = await this.#call(name, init)
    const reader = body[Symbol.asyncIterator]()
    try {
      for (;;) {
        const step = await guarded(reader.next(), init.signal, 'BROKEN', status)
        if (step.done === true) return
        yield step.value
      }
    } finally {
      await reader.return?.()
    }
  }

  /** Drops idle connections. */
  close(): void {
    this.#transport.close()
  }

  async #call(
    name: RestRouteName,
    { parameters, query, contentType, body, signal }: CallInit
  ): Promise<TransportResponse> {
    const route = restRoutes.find((candidate) => candidate.name === name)
    if (route === undefined) throw new TypeError(`no such route: ${name}`)
    signal?.throwIfAborted()
    const url = new URL(this.#base)
    url.pathname = url.pathname.replace(/\/$/, '') + fill(route.path, parameters ?? {})
    url.search = query ?? ''
    const headers = contentType === undefined ? this.#headers : { ...this.#headers, 'content-type': contentType }
    const { method } = route
    const sent = this.#transport.send({ method, url, headers, body, signal })
    const response = await guarded(sent, signal, 'UNREACHABLE', 0)
    if (response.status >= 400) throw await errorOf(response, signal)
    return response
  }
}

/** Errors of the platform become errors of this package; aborts and errors of this package stay. */
async function guarded<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  code: 'UNREACHABLE' | 'UNEXPECTED' | 'BROKEN',
  status: number
): Promise<T> {
  try {
    return await promise
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ApiError) throw error
    throw new ApiError(code, status, messageOf(error), { cause: error })
  }
}

function readAs<T>(status: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ApiError('UNEXPECTED', status, messageOf(error), { cause: error })
  }
}

async function errorOf(
  { status, statusText, body }: TransportResponse,
  signal: AbortSignal | undefined
): Promise<ApiError> {
  const text = await guarded(textOf(body, status), signal, 'BROKEN', status)
  try {
    const { message } = restErrorFromJSON(parseJson(text))
    return new ApiError(codeOf(status), status, message === '' ? statusText : message)
  } catch {
    return new ApiError(codeOf(status), status, text.trim() === '' ? statusText : text)
  }
}

function codeOf(status: number): ApiErrorCode {
  if (status === 401) return 'UNAUTHORIZED'
  return status === 403 ? 'FORBIDDEN' : 'REFUSED'
}

/** Puts parameters into a path, each escaped as one part, but `path`, whose slashes stay. */
function fill(path: string, parameters: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name] ?? ''
    const parts = name === 'path' ? value.split('/') : [value]
    return parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/')
  })
}

/** Errors without a text of their own, such as a failed connection to several addresses, carry it inside. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : error.name
}
