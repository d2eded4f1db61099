import { readStream, writeStream } from '@cluster/streams'
import type { PeerId, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { endStream } from './end-stream.ts'
import { encodeErrorHeader, encodeHeader, encodeStreamItem, encodeValue, nil, type ServiceId } from './frame.ts'
import type { RpcLimits } from './limits.ts'
import type { AnyCodec } from './methods.ts'
import { asError, RpcError } from './rpc-error.ts'
import { ValueReader } from './value-reader.ts'

/** The stream of one call, at the called peer. */
export class ServedCall {
  readonly peer: PeerId
  readonly values: ValueReader
  /** What is called; empty until it was read. */
  service: ServiceId = { name: '', method: '' }
  readonly #stream: Stream
  readonly #limits: RpcLimits
  readonly #cancelled = new AbortController()
  #argumentError: Error | undefined
  #reading: Promise<unknown> | undefined
  #requestEnded = false

  constructor(stream: Stream, peer: PeerId, limits: RpcLimits) {
    this.peer = peer
    this.#stream = stream
    this.#limits = limits
    this.values = new ValueReader(readStream(stream), limits.maxValueBytes)
    stream.addEventListener('close', this.#closed)
  }

  /** Aborted when the caller or the server gives the call up. */
  get signal(): AbortSignal {
    return this.#cancelled.signal
  }

  /** What was wrong with an item of the argument stream. */
  get argumentError(): Error | undefined {
    return this.#argumentError
  }

  /** Gives the call up. */
  cancel(reason: Error): void {
    this.#cancelled.abort(reason)
    this.#stream.abort(reason)
  }

  /** A part of the request, which must not take forever to arrive. */
  async inTime<V>(part: Promise<V>): Promise<V> {
    const { requestTimeoutMs } = this.#limits
    const timer = setTimeout(() => {
      this.cancel(new RpcError('broken_off', `no request within ${requestTimeoutMs} ms`))
    }, requestTimeoutMs)
    try {
      return await part
    } finally {
      clearTimeout(timer)
    }
  }

  /** Cancels the method when the caller of a unary method ends its side, as the reference does. */
  watch(): void {
    void this.#drain().finally(() => {
      this.#cancelled.abort(new Error('context canceled'))
    })
  }

  /** The arguments of a streaming method, until the caller ends its side. One reader. */
  async *args(decode: (bytes: Uint8Array | 'cut') => unknown): AsyncGenerator<unknown, void, undefined> {
    try {
      for (;;) {
        const next = this.values.next()
        this.#reading = next
        const bytes = await next
        this.#reading = undefined
        if (bytes === 'end') {
          this.#requestEnded = true
          return
        }
        yield decode(bytes)
      }
    } catch (error) {
      this.#argumentError = asError(error)
      throw error
    }
  }

  /** Sends the reply of a unary method, and ends the call. */
  async answer(codec: AnyCodec, reply: unknown): Promise<void> {
    const data = encodeValue(codec, reply, `reply of ${this.service.name}.${this.service.method}`)
    await this.#write(new Uint8ArrayList(encodeHeader(this.service), data))
    this.#end()
  }

  /** Sends one reply of a streaming method. */
  async answerItem(codec: AnyCodec, reply: unknown, method: string): Promise<void> {
    await this.#write(new Uint8ArrayList(encodeHeader(this.service), encodeStreamItem(codec, reply, method)))
  }

  /**
   * Ends the replies of a streaming method, once the caller has ended its arguments: an earlier end would tell it that
   * all were taken.
   *
   * @throws what was wrong with an argument, even if the method did not mind
   */
  async endReplies(): Promise<void> {
    await this.inTime(this.#drain())
    if (this.#argumentError !== undefined) throw this.#argumentError
    this.#end()
  }

  /** Answers with an error, and with the reply beside it if there is one; ends the call. Never fails. */
  async refuse(error: Error, codec: AnyCodec | undefined): Promise<void> {
    try {
      await this.#write(new Uint8ArrayList(encodeErrorHeader(this.service, error), replyBeside(error, codec)))
      this.#end()
      // Reading on lets a caller that is still sending come to our answer.
      await this.inTime(this.#drain())
    } catch (reason) {
      this.#stream.abort(asError(reason))
    }
  }

  async #write(bytes: Uint8ArrayList): Promise<void> {
    const { stallTimeoutMs } = this.#limits
    const timer = setTimeout(() => {
      this.cancel(new RpcError('broken_off', `the caller took nothing for ${stallTimeoutMs} ms`))
    }, stallTimeoutMs)
    try {
      await writeStream(this.#stream, bytes)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Reads what still comes until the caller ends its side or the stream breaks off. */
  async #drain(): Promise<void> {
    try {
      await this.#reading // what a handler has left unawaited
      if (!this.#requestEnded) await this.values.drain()
    } catch {
      // The stream has broken off: nothing more will come.
    }
    this.#requestEnded = true
  }

  #end(): void {
    this.#stream.removeEventListener('close', this.#closed)
    void endStream(this.#stream, this.#limits.requestTimeoutMs)
  }

  readonly #closed = (event: Event & { error?: Error }): void => {
    if (event.error !== undefined) this.#cancelled.abort(new Error('context canceled', { cause: event.error }))
  }
}

function replyBeside(error: Error, codec: AnyCodec | undefined): Uint8Array {
  if (codec !== undefined && error instanceof RpcError && error.reply !== undefined) {
    try {
      return encodeValue(codec, error.reply, 'reply')
    } catch {
      // The error is what counts.
    }
  }
  return Uint8Array.of(nil)
}
