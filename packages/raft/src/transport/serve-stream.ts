import { ByteReader, closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Stream } from '@libp2p/interface'
import type { Incoming, RaftLogger } from '../ports.ts'
import type { Reply, Request } from '../messages.ts'
import { encodeReply } from '../wire/messages.ts'
import { MAX_REQUEST_BYTES, readData, readRequest } from './request-reader.ts'

/** Requests of one stream that may wait for their answers: a leader has a few appends on their way. */
const MAX_WAITING = 64

/** What {@link serveStream} needs to know. */
interface ServeOptions {
  readonly handler: (incoming: Incoming) => void
  readonly logger: RaftLogger
  readonly signal: AbortSignal
  /** Whether requests of this sender may come on this stream. */
  readonly isSender: (request: Request) => boolean
}

/**
 * Serves the requests of one stream: handled in order, answered in order, several at a time. Anything that is no request
 * ends the stream without an answer.
 *
 * @see wire-raft.md §2.1, §3.1
 */
export async function serveStream(stream: Stream, options: ServeOptions): Promise<void> {
  const { logger, signal } = options
  const reader = new ByteReader(readStream(stream, { signal }), { maxBuffered: MAX_REQUEST_BYTES.append })
  const answers = new AnswerQueue(stream, signal)
  try {
    for (;;) {
      const request = await readRequest(reader)
      if (request === undefined) break
      if (!options.isSender(request)) {
        logger.warn('a request came on the stream of another peer', { id: request.header.id })
        stream.abort(new Error('wrong sender'))
        return
      }
      await hand(reader, request, options, answers)
      await answers.room()
    }
    await answers.done()
    await closeWrite(stream, { signal })
  } catch (error) {
    if (signal.aborted) stream.abort(new Error('stopped'))
    else {
      logger.debug('a stream ended', { error })
      await end(stream, signal)
    }
  } finally {
    await reader.close()
  }
}

/** Ends the stream as the Go peer does: without an answer, but in order. */
async function end(stream: Stream, signal: AbortSignal): Promise<void> {
  try {
    await closeWrite(stream, { signal })
  } catch {
    // it is closed already
  }
  stream.abort(new Error('ended'))
}

async function hand(
  reader: ByteReader,
  request: Request,
  { handler }: ServeOptions,
  answers: AnswerQueue
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const drop = (): void => {
    reject(new Error('dropped'))
  }
  if (request.type !== 'snapshot') {
    answers.add(promise)
    handler({ request, answer: resolve, drop })
    return
  }
  // the data stands between this request and the next: nothing else is read before it is through
  const data = readData(reader, request.size)
  const skipped = promise.then(async (reply) => {
    for await (const rest of data) if (rest.length === 0) break
    return reply
  })
  answers.add(skipped)
  handler({ request, data, answer: resolve, drop })
  await skipped
}

/** Answers in the order of the requests; those that are ready together go out together. */
class AnswerQueue {
  readonly #stream: Stream
  readonly #signal: AbortSignal
  #last: Promise<void> = Promise.resolve()
  #waiting = 0
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(stream: Stream, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
  }

  add(reply: Promise<Reply>): void {
    this.#waiting += 1
    const before = this.#last
    this.#last = this.#send(before, reply).catch((error: unknown) => {
      this.#failure ??= { error }
    })
    reply.catch(() => undefined)
  }

  /** Resolves when another request may be read. */
  async room(): Promise<void> {
    while (this.#waiting >= MAX_WAITING && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Resolves when all are sent. */
  async done(): Promise<void> {
    await this.#last
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #send(before: Promise<void>, reply: Promise<Reply>): Promise<void> {
    try {
      await before
      if (this.#failure !== undefined) return
      await writeStream(this.#stream, encodeReply(await reply), { signal: this.#signal })
    } catch (error) {
      this.#failure ??= { error }
      // whoever waits for the next request would wait for ever
      this.#stream.abort(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#waiting -= 1
      this.#wake?.()
    }
  }
}
