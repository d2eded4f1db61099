import { type Codec, decode, MsgpackError } from '@cluster/msgpack'
import type { AbortOptions, Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { serviceIdCodec, type ServiceId } from './frame.ts'
import { defaultLimits, type RpcLimits } from './limits.ts'
import type { AnyCodec, Authorize, CallContext, Handlers, MethodDescription, MethodTable } from './methods.ts'
import { asError, decodingError, ErrorWithReply, RpcError } from './rpc-error.ts'
import { ServedCall } from './served-call.ts'

/** A call that a server could not complete, for the log. */
export interface FailedCall {
  readonly peer: PeerId
  /** `Service.Method`; empty when the request did not say. */
  readonly method: string
  readonly error: Error
}

/** What a server is made of. */
export interface RpcServerOptions<T extends MethodTable> {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle'>
  readonly protocol: string
  readonly methods: T
  readonly handlers: Handlers<T>
  /** Asked for each call, before the argument is read. */
  readonly authorize: Authorize<T>
  readonly limits?: Partial<RpcLimits>
  /** Told of every call that ended with an error, refusals included. */
  readonly onFailure?: (call: FailedCall) => void
}

type AnyHandler = (argument: unknown, call: CallContext) => Promise<unknown> | AsyncIterable<unknown>

/**
 * Answers calls of other peers, as go-libp2p-gorpc does. Handlers are data; what the server adds is the framing, the
 * permissions, the errors and the limits.
 *
 * @see wire-host-rpc.md §2
 */
export class RpcServer<T extends MethodTable> {
  readonly #options: RpcServerOptions<T>
  readonly #limits: RpcLimits
  readonly #services: ReadonlySet<string>
  readonly #calls = new Map<ServedCall, Promise<void>>()
  readonly #stopping = new AbortController()

  constructor(options: RpcServerOptions<T>) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#services = new Set(Object.keys(options.methods).map((method) => method.slice(0, method.indexOf('.'))))
  }

  /** Begins to answer. */
  async start(): Promise<void> {
    await this.#options.libp2p.handle(this.#options.protocol, this.#accept, {
      maxInboundStreams: this.#limits.maxStreams,
      maxOutboundStreams: this.#limits.maxStreams
    })
  }

  /**
   * Answers no more, cancels the calls under way and waits for their handlers, which see the abort of their signal.
   * Idempotent.
   *
   * @param options - an aborted signal ends the wait, not the handlers
   */
  async stop({ signal }: AbortOptions = {}): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort(new RpcError('stopped', 'the server was stopped'))
      await this.#options.libp2p.unhandle(this.#options.protocol)
      for (const call of this.#calls.keys()) call.cancel(new RpcError('stopped', 'the server was stopped'))
    }
    const hurry = Promise.withResolvers<undefined>()
    const hurried = (): void => {
      hurry.resolve(undefined)
    }
    if (signal?.aborted === true) return
    signal?.addEventListener('abort', hurried)
    await Promise.race([Promise.allSettled(this.#calls.values()), hurry.promise])
    signal?.removeEventListener('abort', hurried)
  }

  readonly #accept = (stream: Stream, connection: Connection): void => {
    if (this.#stopping.signal.aborted) {
      stream.abort(new RpcError('stopped', 'the server was stopped'))
      return
    }
    const call = new ServedCall(stream, connection.remotePeer, this.#limits)
    const work = this.#serve(call).finally(() => this.#calls.delete(call))
    this.#calls.set(call, work)
  }

  async #serve(call: ServedCall): Promise<void> {
    let reply: AnyCodec | undefined
    try {
      if (this.#calls.size >= this.#limits.maxCalls) {
        throw new RpcError('limit', `more than ${this.#limits.maxCalls} calls at once`)
      }
      const { method, description } = await this.#admit(call)
      const handler = this.#options.handlers[method] as AnyHandler | undefined
      if (handler === undefined) throw new RpcError('server_failed', `rpc: can't find method ${call.service.method}`)
      if (description.mode === 'unary') {
        reply = description.reply
        await serveUnary(call, description, handler)
      } else {
        await serveStreaming(call, method, description, handler)
      }
    } catch (error) {
      const failure = call.argumentError ?? asError(error)
      this.#options.onFailure?.({ peer: call.peer, method: nameOf(call.service), error: failure })
      await call.refuse(failure, reply)
    }
  }

  /** Reads who is called, and whether it exists and may be called. */
  async #admit(call: ServedCall): Promise<{ method: keyof T & string; description: MethodDescription }> {
    call.service = await readServiceId(call)
    const { name, method } = call.service
    if (!this.#services.has(name)) throw new RpcError('server_failed', `rpc: can't find service ${name}`)
    const full = nameOf(call.service)
    const description = Object.hasOwn(this.#options.methods, full) ? this.#options.methods[full] : undefined
    if (description === undefined) throw new RpcError('server_failed', `rpc: can't find method ${method}`)
    if (!this.#options.authorize(call.peer, full)) {
      throw new RpcError('unauthorized', `client does not have permissions to call ${full}`)
    }
    return { method: full, description }
  }
}

async function serveUnary(call: ServedCall, description: MethodDescription, handler: AnyHandler): Promise<void> {
  const bytes = await call.inTime(call.values.next())
  // The reference answers with the type of an application error here.
  if (bytes === 'end') throw new RpcError('method_failed', 'EOF')
  const argument = decodeArgument(description, bytes)
  call.watch()
  let reply: unknown
  try {
    reply = await handler(argument, { peer: call.peer, signal: call.signal })
  } catch (error) {
    throw methodFailure(error)
  }
  await call.answer(description.reply, reply)
}

async function serveStreaming(
  call: ServedCall,
  method: string,
  description: MethodDescription,
  handler: AnyHandler
): Promise<void> {
  const args = call.args((bytes) => decodeArgument(description, bytes))
  const replies = handler(args, { peer: call.peer, signal: call.signal }) as AsyncIterable<unknown>
  for await (const reply of repliesOf(replies)) await call.answerItem(description.reply, reply, method)
  await call.endReplies()
}

async function* repliesOf(replies: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* replies
  } catch (error) {
    throw methodFailure(error)
  }
}

/** What a handler throws is an error of the method, also when it comes from a call to yet another peer. */
function methodFailure(thrown: unknown): RpcError {
  const { message } = asError(thrown)
  const reply = thrown instanceof ErrorWithReply ? thrown.reply : undefined
  return new RpcError('method_failed', message, { cause: thrown, reply })
}

async function readServiceId(call: ServedCall): Promise<ServiceId> {
  try {
    const bytes = await call.inTime(call.values.next())
    if (bytes === 'end' || bytes === 'cut') throw new RpcError('server_failed', 'EOF')
    return decode(serviceIdCodec, bytes)
  } catch (error) {
    const { message } = asError(error)
    throw new RpcError('server_failed', `error reading service ID: ${message}`, { cause: error })
  }
}

function decodeArgument(description: MethodDescription, bytes: Uint8Array | 'cut'): unknown {
  if (bytes === 'cut') throw new RpcError('malformed', 'msgpack decode error: EOF')
  try {
    return decode(description.argument as Codec<unknown>, bytes)
  } catch (error) {
    throw error instanceof MsgpackError ? decodingError(error) : error
  }
}

function nameOf({ name, method }: ServiceId): string {
  return name === '' && method === '' ? '' : `${name}.${method}`
}
