import { MsgpackError } from './error.ts'
import type { Codec } from './codec.ts'

const isNil = (value: unknown): boolean => value === undefined
const nothing = (): undefined => undefined

/** Go's signed 64-bit integer, exact. What is above 2^63 − 1 on the wire wraps, as in Go. */
export const int64: Codec<bigint> = {
  encode: (writer, value) => {
    writer.int64(value)
  },
  decode: (reader) => BigInt.asIntN(64, BigInt(reader.integer())),
  isZero: (value) => value === 0n,
  zero: () => 0n
}

/** Go's unsigned 64-bit integer, exact. */
export const uint64: Codec<bigint> = {
  encode: (writer, value) => {
    writer.uint64(value)
  },
  decode: (reader) => {
    const value = reader.integer()
    if (value < 0) throw reader.invalid('negative value for an unsigned type')
    return BigInt(value)
  },
  isZero: (value) => value === 0n,
  zero: () => 0n
}

/** Go's signed integer for values that stay below 2^53: `MSGPACK_RANGE` beyond. */
export const int: Codec<number> = {
  encode: (writer, value) => {
    writer.int(value)
  },
  decode: (reader) => {
    const value = reader.integer()
    return typeof value === 'number' ? value : safe(BigInt.asIntN(64, value), reader.position)
  },
  isZero: (value) => value === 0,
  zero: () => 0
}

/** Go's unsigned integer for values that stay below 2^53: `MSGPACK_RANGE` beyond. */
export const uint: Codec<number> = {
  encode: (writer, value) => {
    writer.uint(value)
  },
  decode: (reader) => {
    const value = reader.integer()
    if (value < 0) throw reader.invalid('negative value for an unsigned type')
    return typeof value === 'number' ? value : safe(value, reader.position)
  },
  isZero: (value) => value === 0,
  zero: () => 0
}

/** Go's float64. */
export const float64: Codec<number> = {
  encode: (writer, value) => {
    writer.float64(value)
  },
  decode: (reader) => reader.float(),
  isZero: (value) => Object.is(value, 0),
  zero: () => 0
}

/** Go's bool. */
export const bool: Codec<boolean> = {
  encode: (writer, value) => {
    writer.bool(value)
  },
  decode: (reader) => reader.bool(),
  isZero: (value) => !value,
  zero: () => false
}

/** Go's string. */
export const string: Codec<string> = {
  encode: (writer, value) => {
    writer.string(value)
  },
  decode: (reader) => reader.string(),
  isZero: (value) => value === '',
  zero: () => ''
}

/** Go's `[]byte`; the decoded bytes are a copy. */
export const bytes: Codec<Uint8Array | undefined> = {
  encode: (writer, value) => {
    if (value === undefined) writer.nil()
    else writer.raw(value)
  },
  decode: (reader) => reader.bytesView()?.slice(),
  isZero: isNil,
  zero: nothing
}

/** Go's `[]byte`; the decoded bytes are a view of the input, which must not be overwritten then. */
export const bytesView: Codec<Uint8Array | undefined> = { ...bytes, decode: (reader) => reader.bytesView() }

function safe(value: bigint, position: number): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new MsgpackError('MSGPACK_RANGE', 'integer beyond 2^53', position)
}
