import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { answerHeaders } from './forwarded-headers.ts'

/**
 * Passes an answer of the daemon to the client while it comes, piece by piece, with its trailers.
 *
 * @see http-apis.md §5.3
 */
export class AnswerPipe implements Dispatcher.DispatchHandler {
  /** Resolves once the answer has ended, with what went wrong if anything did. */
  readonly done: Promise<Error | undefined>
  readonly #settle: (error: Error | undefined) => void
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #controller: Dispatcher.DispatchController | undefined

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.done = promise
    this.#settle = resolve
    response.once('close', () => {
      if (response.writableFinished) return
      const gone = new DOMException('the client went away', 'AbortError')
      this.#controller?.abort(gone)
      this.#settle(undefined)
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#response.destroyed) controller.abort(new DOMException('the client went away', 'AbortError'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    _headers: IncomingHttpHeaders,
    statusMessage?: string
  ): void {
    if (statusCode < 200) return // what is said in between is not passed on
    const { httpVersionMajor, httpVersionMinor, method = '' } = this.#request
    const hasChunks = httpVersionMajor > 1 || httpVersionMinor > 0
    const headers = answerHeaders(textsOf(controller.rawHeaders), { statusCode, method, hasChunks })
    this.#response.writeHead(statusCode, statusMessage, headers)
    this.#response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => {
      controller.resume()
    })
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const raw = textsOf(controller.rawTrailers)
    const trailers: [string, string][] = []
    for (let at = 0; at + 1 < raw.length; at += 2) trailers.push([raw[at] ?? '', raw[at + 1] ?? ''])
    if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(trailers)
    this.#response.end()
    this.#settle(undefined)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(error)
  }

  /** Answers 502 without a body, or cuts an answer that has begun: nobody takes half of it for all. */
  fail(error: Error): void {
    const response = this.#response
    if (response.destroyed) {
      this.#settle(undefined)
      return
    }
    if (response.headersSent) response.destroy()
    else response.writeHead(502, { 'Content-Length': 0 }).end()
    this.#settle(error)
  }
}

/** Names and values as undici has them: bytes, or texts. */
function textsOf(raw: unknown): string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((each: unknown) => (Buffer.isBuffer(each) ? each.toString('latin1') : String(each)))
}
