import type { MsgpackError } from '@cluster/msgpack'

/** The kinds of errors as they travel (`ErrType`). @see wire-host-rpc.md §2.1 */
export const errorTypes = {
  /** The method failed. */
  application: 0,
  /** The request could not be understood, or asks for something that does not exist. */
  server: 1,
  /** The call failed on this side; never travels. */
  client: 2,
  /** The caller may not call this method. */
  authorization: 3
} as const

/** What went wrong with a call. */
export type RpcErrorCode =
  /** The method failed at the other peer; the message is its text, unchanged. */
  | 'method_failed'
  /** The other peer could not understand the request, or has no such method. */
  | 'server_failed'
  /** The caller may not call this method. */
  | 'unauthorized'
  /** No stream to the peer: no connection, or it does not serve the protocol. */
  | 'unreachable'
  /** The stream broke off before the call was complete. */
  | 'broken_off'
  /** The answer, or an argument, is not what the method's type says, or ends inside a value. */
  | 'malformed'
  /** A value is larger than the limit, or too many calls are open. */
  | 'limit'
  /** An argument or a reply cannot be encoded. */
  | 'unencodable'
  /** The server was stopped. */
  | 'stopped'

/** Options of {@link RpcError}. */
export interface RpcErrorOptions extends ErrorOptions {
  /** What the method returned beside the error. */
  readonly reply?: unknown
}

/** Error of a call: compare `code`. */
export class RpcError extends Error {
  readonly code: RpcErrorCode
  /** What the method returned beside the error, if anything. */
  readonly reply: unknown

  constructor(code: RpcErrorCode, message: string, options: RpcErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.name = 'RpcError'
    this.code = code
    this.reply = options.reply
  }

  /** The number that travels for this error. */
  get errorType(): number {
    if (this.code === 'unauthorized') return errorTypes.authorization
    return this.code === 'method_failed' ? errorTypes.application : errorTypes.server
  }
}

/** What a handler of a unary method throws to send a reply beside the error. */
export class ErrorWithReply extends Error {
  readonly reply: unknown

  constructor(message: string, reply: unknown, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ErrorWithReply'
    this.reply = reply
  }
}

/** The error that a response header stands for. Types that are not known count as the server's. */
export function remoteError(message: string, errorType: number, reply: unknown): RpcError {
  const code =
    errorType === errorTypes.application
      ? 'method_failed'
      : errorType === errorTypes.authorization
        ? 'unauthorized'
        : 'server_failed'
  return new RpcError(code, message, { reply })
}

/** Bytes that could not be decoded, with the decoder's text. */
export function decodingError(error: MsgpackError): RpcError {
  return new RpcError(error.code === 'MSGPACK_LIMIT' ? 'limit' : 'malformed', error.message, { cause: error })
}

/** Anything thrown, as an error with a text: without one it would travel as success. */
export function asError(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(String(thrown))
  return thrown.message === '' ? new Error(thrown.name, { cause: thrown }) : thrown
}
