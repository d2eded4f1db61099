import { type Codec, decode, MsgpackError } from '@cluster/msgpack'
import { closeWrite, readStream, StreamError, writeStream } from '@cluster/streams'
import type { AbortOptions, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { endStream } from './end-stream.ts'
import { encodeParts, encodeValue, headerCodec, nil, serviceIdCodec, serviceIdOf } from './frame.ts'
import { defaultLimits, type RpcLimits } from './limits.ts'
import type {
  AnyCodec,
  ArgumentOf,
  MethodDescription,
  MethodTable,
  ReplyOf,
  StreamingMethodOf,
  UnaryMethodOf
} from './methods.ts'
import { asError, decodingError, remoteError, RpcError } from './rpc-error.ts'
import { ValueReader } from './value-reader.ts'

/** What a client is made of. */
export interface RpcClientOptions<T extends MethodTable> {
  /** Opens the streams. */
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly protocol: string
  readonly methods: T
  readonly limits?: Partial<RpcLimits>
}

/**
 * Calls methods of other peers, as go-libp2p-gorpc does: one stream for each call. Abort the signal to give up a call;
 * the other side is told. Without a signal only opening the stream is limited in time.
 *
 * @see wire-host-rpc.md §2
 */
export class RpcClient<T extends MethodTable> {
  readonly #options: RpcClientOptions<T>
  readonly #limits: RpcLimits

  constructor(options: RpcClientOptions<T>) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
  }

  /**
   * Calls a method with one argument and one reply.
   *
   * @throws RpcError; the reason of the signal when it is aborted
   */
  async call<M extends UnaryMethodOf<T>>(
    peer: PeerId,
    method: M,
    argument: ArgumentOf<T[M]>,
    options: AbortOptions = {}
  ): Promise<ReplyOf<T[M]>> {
    const { description, request } = this.#describe(method)
    request.append(encodeValue(description.argument, argument, `argument of ${method}`))
    const stream = await this.#open(peer, options)
    const call = new OpenCall(stream, this.#limits, options)
    try {
      // Not awaited before the answer: a peer that refuses does not read the argument. And the own side stays open,
      // since its end would cancel the method.
      call.writing(call.write(request))
      const reply = await call.reply(description.reply, method)
      if (reply === 'end') throw new RpcError('broken_off', 'EOF')
      call.end()
      return reply.value as ReplyOf<T[M]>
    } catch (error) {
      throw call.fail(error)
    }
  }

  /**
   * Calls a method with a stream of arguments and a stream of replies; both flow at their own pace, held back by the
   * slower reader. Breaking off ends the call at the other side.
   *
   * @param args - pulled as fast as the other side takes them; their long byte strings must not change before the end;
   * its errors end the call and are thrown
   * @throws RpcError after the replies that came before the error; the reason of the signal when it is aborted
   */
  async *stream<M extends StreamingMethodOf<T>>(
    peer: PeerId,
    method: M,
    args: AsyncIterable<ArgumentOf<T[M]>>,
    options: AbortOptions = {}
  ): AsyncGenerator<ReplyOf<T[M]>, void, undefined> {
    const { description, request } = this.#describe(method)
    const stream = await this.#open(peer, options)
    const call = new OpenCall(stream, this.#limits, options)
    call.writing(
      call.send(request, args, (argument) => encodeParts(description.argument, argument, `argument of ${method}`))
    )
    let complete = false
    try {
      for (;;) {
        const reply = await call.reply(description.reply, method)
        if (reply === 'end') break
        yield reply.value as ReplyOf<T[M]>
      }
      if (!call.allSent) throw new RpcError('broken_off', `${method} ended before all arguments were taken`)
      complete = true
    } catch (error) {
      throw call.fail(error)
    } finally {
      if (complete) call.end()
      else call.fail(new RpcError('broken_off', 'the caller has gone'))
    }
  }

  #describe(method: string): { description: MethodDescription; request: Uint8ArrayList } {
    const description = this.#options.methods[method]
    if (description === undefined) throw new RpcError('unencodable', `no method ${method} in the table`)
    const id = encodeValue(serviceIdCodec, serviceIdOf(method), 'service ID')
    return { description, request: new Uint8ArrayList(id) }
  }

  async #open(peer: PeerId, { signal }: AbortOptions): Promise<Stream> {
    const { libp2p, protocol } = this.#options
    const { openTimeoutMs, maxStreams } = this.#limits
    signal?.throwIfAborted()
    const late = new AbortController()
    const timer = setTimeout(() => {
      late.abort(new Error(`no stream within ${openTimeoutMs} ms`))
    }, openTimeoutMs)
    try {
      return await libp2p.dialProtocol(peer, protocol, {
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
        maxOutboundStreams: maxStreams
      })
    } catch (error) {
      signal?.throwIfAborted()
      const reason = late.signal.aborted ? asError(late.signal.reason).message : reasonOf(error)
      throw new RpcError('unreachable', `failed to dial ${peer.toString()}: ${reason}`, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The stream of one call, at the caller. */
class OpenCall {
  readonly #stream: Stream
  readonly #limits: RpcLimits
  readonly #signal: AbortSignal | undefined
  readonly #values: ValueReader
  readonly #over = new AbortController()
  #allSent = false
  #answered = false
  #failure: Error | undefined

  constructor(stream: Stream, limits: RpcLimits, { signal }: AbortOptions) {
    this.#stream = stream
    this.#limits = limits
    this.#signal = signal
    const both = signal === undefined ? this.#over.signal : AbortSignal.any([signal, this.#over.signal])
    this.#values = new ValueReader(readStream(stream, { signal: both }), limits.maxValueBytes)
    signal?.addEventListener('abort', this.#reset)
    if (signal?.aborted === true) this.#reset()
  }

  get allSent(): boolean {
    return this.#allSent
  }

  async write(bytes: Uint8ArrayList): Promise<void> {
    await writeStream(this.#stream, bytes, { signal: this.#over.signal })
  }

  /** Takes note of how the sending went. A stream that breaks off shows at the reader, perhaps after an answer. */
  writing(work: Promise<void>): void {
    work.then(
      () => {
        this.#allSent = true
      },
      (error: unknown) => {
        if (error instanceof StreamError || this.#over.signal.aborted) return
        this.#failure = asError(error)
        this.#stream.abort(this.#failure)
      }
    )
  }

  /** Sends the head, each argument, and the end of the own side. */
  async send<A>(
    head: Uint8ArrayList,
    args: AsyncIterable<A>,
    encode: (argument: A) => readonly Uint8Array[]
  ): Promise<void> {
    const source = args[Symbol.asyncIterator]()
    using taker = new Taker(source, this.#over.signal)
    try {
      await this.write(head)
      for (;;) {
        const next = await taker.next()
        if (next.done === true) break
        await this.write(new Uint8ArrayList(...encode(next.value)))
      }
      await closeWrite(this.#stream, { signal: this.#over.signal })
    } catch (error) {
      // Not awaited: the source may be waiting for something that never comes.
      source.return?.().catch(() => undefined)
      throw error
    }
  }

  /** The next reply, or `end` at the end of replies. @throws RpcError that the other side sent */
  async reply(codec: AnyCodec, method: string): Promise<{ value: unknown } | 'end'> {
    const head = await this.#values.next()
    if (head === 'end') return 'end'
    if (head === 'cut') throw new RpcError('malformed', `the answer to ${method} ends inside a header`)
    const header = decode(headerCodec, head)
    if (header.error !== '') {
      this.#answered = true
      throw remoteError(header.error, header.errorType, await this.#replyBesideError(codec))
    }
    const data = await this.#values.next()
    if (data === 'end' || data === 'cut') throw new RpcError('malformed', `the answer to ${method} ends inside a reply`)
    return { value: decode(codec as Codec<unknown>, data) }
  }

  /** Ends the call when all has come. */
  end(): void {
    this.#close()
    void endStream(this.#stream, this.#limits.requestTimeoutMs)
  }

  /** Ends the call before its time, tells the other side, and gives the error to throw. */
  fail(error: unknown): Error {
    const failure = this.#explain(error)
    if (this.#answered && this.#allSent) {
      this.end()
    } else {
      this.#close()
      this.#stream.abort(failure)
    }
    return failure
  }

  readonly #reset = (): void => {
    this.#stream.abort(asError(this.#signal?.reason))
  }

  #close(): void {
    this.#signal?.removeEventListener('abort', this.#reset)
    this.#over.abort(new RpcError('broken_off', 'the call is over'))
  }

  async #replyBesideError(codec: AnyCodec): Promise<unknown> {
    try {
      const data = await this.#values.next()
      if (data === 'end' || data === 'cut' || data[0] === nil) return undefined
      return decode(codec as Codec<unknown>, data)
    } catch {
      // The error is what counts; the value beside it is often not filled.
      return undefined
    }
  }

  #explain(error: unknown): Error {
    if (this.#signal?.aborted === true) return asError(this.#signal.reason)
    if (this.#failure !== undefined) return this.#failure
    if (error instanceof MsgpackError) return decodingError(error)
    return asError(error)
  }
}

/**
 * Takes the items of a source one by one until a signal is aborted, with one listener for all: a call may send a million
 * of them.
 */
class Taker<A> {
  readonly #source: AsyncIterator<A>
  readonly #signal: AbortSignal
  #reject: ((reason: Error) => void) | undefined

  constructor(source: AsyncIterator<A>, signal: AbortSignal) {
    this.#source = source
    this.#signal = signal
    signal.addEventListener('abort', this.#aborted)
  }

  /** The next item, unless the signal is aborted first. */
  next(): Promise<IteratorResult<A>> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) {
        reject(asError(this.#signal.reason))
        return
      }
      this.#reject = reject
      this.#source.next().then(resolve, reject)
    })
  }

  /** No more is taken. */
  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => {
    this.#reject?.(asError(this.#signal.reason))
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join('; ')
  return asError(error).message
}
