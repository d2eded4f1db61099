import type { Codec, Reader, Writer } from '@cluster/msgpack'
import type { PeerId } from '@libp2p/interface'

/** A codec of whatever type. */
export interface AnyCodec {
  readonly encode: (writer: Writer, value: never) => void
  readonly decode: (reader: Reader) => unknown
  readonly isZero: (value: never) => boolean
  readonly zero: () => unknown
}

/** How a method is called, by whom, and what travels; of streaming methods the types of the items. */
export interface MethodDescription {
  /** One argument and one reply, or a stream of each. Nothing on the wire tells: both sides must agree. */
  readonly mode: 'unary' | 'streaming'
  /** The class of callers; what it means is up to the `authorize` function of the server. */
  readonly policy: string
  readonly argument: AnyCodec
  readonly reply: AnyCodec
}

/** Methods by `Service.Method`. */
export type MethodTable = Readonly<Record<string, MethodDescription>>

/** The type of a method's argument, or of the items of its argument stream. */
export type ArgumentOf<D> = D extends { readonly argument: Codec<infer A> } ? A : never
/** The type of a method's reply, or of the items of its reply stream. */
export type ReplyOf<D> = D extends { readonly reply: Codec<infer R> } ? R : never
/** Names of the methods with one argument and one reply. */
export type UnaryMethodOf<T extends MethodTable> = {
  [M in keyof T & string]: T[M]['mode'] extends 'unary' ? M : never
}[keyof T & string]
/** Names of the methods with a stream of arguments and a stream of replies. */
export type StreamingMethodOf<T extends MethodTable> = Exclude<keyof T & string, UnaryMethodOf<T>>

/** What a handler knows besides the argument. */
export interface CallContext {
  /** The caller, by the authenticated connection. */
  readonly peer: PeerId
  /** Aborted when the caller gives up, the connection ends or the server stops. */
  readonly signal: AbortSignal
}

/**
 * Handlers as data. A method without one is answered as unknown. What a handler throws travels as its message; a unary
 * one may throw an `ErrorWithReply`. A reply of a streaming method must not be nil.
 */
export type Handlers<T extends MethodTable> = {
  readonly [M in keyof T]?: T[M]['mode'] extends 'unary'
    ? (argument: ArgumentOf<T[M]>, call: CallContext) => Promise<ReplyOf<T[M]>>
    : (args: AsyncIterable<ArgumentOf<T[M]>>, call: CallContext) => AsyncIterable<ReplyOf<T[M]>>
}

/** Whether a peer may call a method. */
export type Authorize<T extends MethodTable> = (peer: PeerId, method: keyof T & string) => boolean
