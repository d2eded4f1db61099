import type { Codec } from './codec.ts'
import { MsgpackError } from './error.ts'
import type { Reader } from './reader.ts'

const NANOS = 1_000_000_000n
/** The first instant of year 1 in UTC: Go's zero time, in nanoseconds since the Unix epoch. */
const ZERO_TIME = -62_135_596_800n * NANOS

/**
 * Go's `time.Time` as nanoseconds since the Unix epoch; `undefined` for the zero time.
 *
 * @see wire-host-rpc.md §3.4
 */
export const time: Codec<bigint | undefined> = {
  encode: (writer, value) => {
    if (value === undefined || value === ZERO_TIME) writer.nil()
    else writer.raw(payload(value))
  },
  decode: (reader) => {
    const bytes = reader.timePayload()
    if (bytes === undefined) return undefined
    const value = instant(bytes, reader)
    return value === ZERO_TIME ? undefined : value
  },
  isZero: (value) => value === undefined || value === ZERO_TIME,
  zero: () => undefined
}

function payload(value: bigint): Uint8Array {
  let nanos = value % NANOS
  if (nanos < 0n) nanos += NANOS
  const seconds = (value - nanos) / NANOS
  if (BigInt.asIntN(64, seconds) !== seconds) throw new MsgpackError('MSGPACK_RANGE', 'time beyond 64 bits of seconds')
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  if (seconds < 0n || seconds >> 34n !== 0n) {
    view.setUint32(0, Number(nanos))
    view.setBigInt64(4, seconds)
    return bytes
  }
  if (nanos === 0n && seconds >> 32n === 0n) {
    view.setUint32(0, Number(seconds))
    return bytes.subarray(0, 4)
  }
  view.setBigUint64(0, (nanos << 34n) | seconds)
  return bytes.subarray(0, 8)
}

function instant(bytes: Uint8Array, reader: Reader): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (bytes.length) {
    case 4:
      return BigInt(view.getUint32(0)) * NANOS
    case 8: {
      const both = view.getBigUint64(0)
      return BigInt.asUintN(34, both) * NANOS + (both >> 34n)
    }
    case 12:
      return view.getBigInt64(4) * NANOS + BigInt(view.getUint32(0))
    default:
      throw reader.invalid(`a time has 4, 8 or 12 bytes, got ${bytes.length}`)
  }
}
