import { ByteReader, closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Stream } from '@libp2p/interface'
import { RaftError } from '../errors.ts'
import type { Reply, Request } from '../messages.ts'
import { encodeRequest } from '../wire/messages.ts'
import { readReply } from './request-reader.ts'

/** Bytes of answers that may be held. */
const MAX_ANSWER_BUFFER = 256 * 1024
/** A stream that cannot be ended in this time is reset. */
const END_TIMEOUT_MS = 1000

/**
 * One stream to a peer that is kept: requests go out in order, and their answers come in that order. An error ends it,
 * and all that waits on it.
 */
export class LaneStream {
  readonly #opening: Promise<{ readonly stream: Stream; readonly reader: ByteReader }>
  readonly #closing = new AbortController()
  #writes: Promise<unknown> = Promise.resolve()
  #reads: Promise<unknown> = Promise.resolve()
  #isOpen = true

  constructor(open: (signal: AbortSignal) => Promise<Stream>) {
    const { signal } = this.#closing
    this.#opening = open(signal).then((stream) => {
      const reader = new ByteReader(readStream(stream, { signal }), { maxBuffered: MAX_ANSWER_BUFFER })
      signal.addEventListener('abort', () => {
        stream.abort(new RaftError('RAFT_UNREACHABLE', 'given up'))
      })
      return { stream, reader }
    })
    this.#opening.catch(() => {
      this.close()
    })
  }

  /** Whether it can take another request. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Asks; `timeoutMs` is for the writing, and again for the answer once it is the next one. */
  async ask(request: Request, data: AsyncIterable<Uint8Array> | undefined, timeoutMs: number): Promise<Reply> {
    const written = this.#writes.then(() => this.#within(timeoutMs, this.#write(request, data)))
    this.#writes = written
    const answered = this.#reads.then(async () => {
      await written
      return this.#within(timeoutMs, this.#read(request.type))
    })
    this.#reads = answered
    written.catch(() => undefined)
    answered.catch(() => undefined)
    try {
      return await answered
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Ends the stream; what waits fails. */
  close(): void {
    this.#isOpen = false
    this.#closing.abort(new RaftError('RAFT_UNREACHABLE', 'given up'))
  }

  /** Ends the stream in good order, once its answers have come. */
  end(): void {
    this.#isOpen = false
    this.#opening
      .then(({ stream }) => closeWrite(stream, { signal: AbortSignal.timeout(END_TIMEOUT_MS) }))
      .catch(() => {
        this.close()
      })
  }

  async #write(request: Request, data: AsyncIterable<Uint8Array> | undefined): Promise<void> {
    const { stream } = await this.#opening
    const { signal } = this.#closing
    await writeStream(stream, encodeRequest(request), { signal })
    if (data === undefined || request.type !== 'snapshot') return
    let left = request.size
    for await (const bytes of data) {
      left -= bytes.length
      if (left < 0) break
      await writeStream(stream, bytes, { signal })
    }
    if (left !== 0) throw new RaftError('RAFT_CORRUPT', 'a snapshot does not have the size that it should')
  }

  async #read(type: Request['type']): Promise<Reply> {
    const { reader } = await this.#opening
    return readReply(reader, type)
  }

  async #within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.close()
    }, timeoutMs)
    try {
      return await work
    } finally {
      clearTimeout(timer)
    }
  }
}
