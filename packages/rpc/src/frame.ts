import { always, type Codec, encode, encodeParts as partsOf, field, int, string, struct } from '@cluster/msgpack'
import type { AnyCodec } from './methods.ts'
import { asError, RpcError } from './rpc-error.ts'

/** The name of a method as it travels. */
export interface ServiceId {
  readonly name: string
  readonly method: string
}

/** What stands before each reply. */
export interface ResponseHeader {
  readonly service: ServiceId
  /** An error exists if and only if this is not empty. */
  readonly error: string
  readonly errorType: number
}

/** Both keys always. @see wire-host-rpc.md §2.1 */
export const serviceIdCodec: Codec<ServiceId> = struct<ServiceId>({
  name: always('Name', string),
  method: always('Method', string)
})

/** Each key only when not empty. @see wire-host-rpc.md §2.1 */
export const headerCodec: Codec<ResponseHeader> = struct<ResponseHeader>({
  service: field('Service', serviceIdCodec),
  error: field('Error', string),
  errorType: field('ErrType', int)
})

/** The value that means nothing. */
export const nil = 0xc0

/** `Service.Method` in its two parts; the service is what stands before the first dot. */
export function serviceIdOf(method: string): ServiceId {
  const dot = method.indexOf('.')
  return { name: method.slice(0, Math.max(dot, 0)), method: method.slice(dot + 1) }
}

/**
 * Encodes an argument or a reply.
 *
 * @throws RpcError `unencodable`
 */
export function encodeValue(codec: AnyCodec, value: unknown, what: string): Uint8Array {
  try {
    return encode(codec as Codec<unknown>, value)
  } catch (error) {
    throw unencodable(what, error)
  }
}

function unencodable(what: string, error: unknown): RpcError {
  return new RpcError('unencodable', `${what} cannot be encoded: ${asError(error).message}`, { cause: error })
}

/** Byte strings from this length on are sent as they are: a copy costs more than a part of its own. */
const SHARE_BYTES = 16 * 1024

/**
 * Encodes an argument in parts. Long byte strings are not copied; they must not change until they were sent.
 *
 * @throws RpcError `unencodable`
 */
export function encodeParts(codec: AnyCodec, value: unknown, what: string): readonly Uint8Array[] {
  try {
    return partsOf(codec as Codec<unknown>, value, SHARE_BYTES)
  } catch (error) {
    throw unencodable(what, error)
  }
}

/**
 * Encodes one item of a stream of replies. nil as such an item ends the process of a Go peer, so it is an error of the
 * method; a reply type without content is an empty map anyway.
 *
 * @throws RpcError `unencodable`
 * @see wire-host-rpc.md §2.4
 */
export function encodeStreamItem(codec: AnyCodec, value: unknown, method: string): Uint8Array {
  const bytes = encodeValue(codec, value, `reply of ${method}`)
  if (bytes[0] === nil) throw new RpcError('unencodable', `reply of ${method} is nil`)
  return bytes
}

/** A response header without error. */
export function encodeHeader(service: ServiceId): Uint8Array {
  return encode(headerCodec, { service, error: '', errorType: 0 })
}

/** A response header with an error. */
export function encodeErrorHeader(service: ServiceId, error: Error): Uint8Array {
  const errorType = error instanceof RpcError ? error.errorType : 0
  return encode(headerCodec, { service, error: error.message, errorType })
}
