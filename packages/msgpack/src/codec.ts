import type { ReadLimits } from './limits.ts'
import { Reader } from './reader.ts'
import { Writer, type WriterOptions } from './writer.ts'

/**
 * How values of one Go type are written and read. Codecs hold no state and can be used by everybody at once.
 *
 * `undefined` stands for Go's nil where a type has one (lists, maps, bytes, zero time); an empty list is something
 * else.
 */
export interface Codec<T> {
  /** Writes one value. */
  readonly encode: (writer: Writer, value: T) => void
  /** Reads one value. nil gives the zero value. Throws a `MsgpackError`. */
  readonly decode: (reader: Reader) => T
  /** Whether a struct leaves a field of this value out when it is marked so. */
  readonly isZero: (value: T) => boolean
  /** The value of a field that was not on the wire. */
  readonly zero: () => T
}

/** The values of a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never

/**
 * Encodes one value.
 *
 * @throws MsgpackError `MSGPACK_RANGE` for a number that does not fit, `MSGPACK_LIMIT` past the size limit
 */
export function encode<T>(of: Codec<T>, value: T, options?: WriterOptions): Uint8Array {
  const writer = new Writer(options)
  of.encode(writer, value)
  return writer.bytes()
}

/**
 * Encodes one value in parts, without a copy of byte strings from `shareBytes` on: these must not change until the
 * parts were used.
 *
 * @throws MsgpackError as {@link encode}
 */
export function encodeParts<T>(of: Codec<T>, value: T, shareBytes: number): readonly Uint8Array[] {
  const writer = new Writer({ shareBytes })
  of.encode(writer, value)
  return writer.parts()
}

/**
 * Decodes the value at the start of `bytes`; what follows it is left alone, as the Go decoder does.
 *
 * @throws MsgpackError `MSGPACK_TRUNCATED`, `MSGPACK_INVALID`, `MSGPACK_RANGE` or `MSGPACK_LIMIT`
 */
export function decode<T>(of: Codec<T>, bytes: Uint8Array, limits?: Partial<ReadLimits>): T {
  return of.decode(new Reader(bytes, limits))
}

/**
 * Decodes the value that starts at `start` and says where it ends, for values that stand back to back.
 *
 * @throws MsgpackError as {@link decode}
 */
export function decodeAt<T>(
  of: Codec<T>,
  bytes: Uint8Array,
  start: number,
  limits?: Partial<ReadLimits>
): { readonly value: T; readonly end: number } {
  const reader = new Reader(bytes, limits, start)
  const value = of.decode(reader)
  return { value, end: reader.position }
}

/**
 * A codec of `T` by way of a codec of `W`.
 *
 * @param isZero defaults to the one of the inner codec
 */
export function mapped<W, T>(
  inner: Codec<W>,
  read: (value: W) => T,
  write: (value: T) => W,
  isZero: (value: T) => boolean = (value) => inner.isZero(write(value))
): Codec<T> {
  return {
    encode: (writer, value) => {
      inner.encode(writer, write(value))
    },
    decode: (reader) => read(inner.decode(reader)),
    isZero,
    zero: () => read(inner.zero())
  }
}

/**
 * A codec of a type whose wire form is a byte string that another library reads, such as a CID. nil and the zero
 * value are `undefined`; an empty byte string is given to `read`, which may refuse it.
 *
 * @param read throws when the bytes are not such a value: becomes `MSGPACK_INVALID` with the error as cause. The
 * bytes are a copy that it may keep.
 */
export function binary<T>(read: (bytes: Uint8Array) => T, write: (value: T) => Uint8Array): Codec<T | undefined> {
  return {
    encode: (writer, value) => {
      if (value === undefined) writer.nil()
      else writer.raw(write(value))
    },
    decode: (reader) => {
      const bytes = reader.bytesView()
      if (bytes === undefined) return undefined
      try {
        return read(bytes.slice())
      } catch (error) {
        throw reader.invalid(error instanceof Error ? error.message : String(error), error)
      }
    },
    isZero: (value) => value === undefined,
    zero: () => undefined
  }
}
