import { int, uint, type Codec, type Reader } from '@cluster/msgpack'

/**
 * The forms of hashicorp/raft that the general codec takes otherwise: floats are never integers here, and names are
 * bytes that must come back as they came.
 *
 * @see wire-raft.md §3.2
 */

function strict<T>(codec: Codec<T>): Codec<T> {
  return {
    ...codec,
    decode: (reader) => {
      const byte = reader.peek()
      if (byte === 0xca || byte === 0xcb) throw reader.unexpected('an integer', byte)
      return codec.decode(reader)
    }
  }
}

/** An unsigned integer: terms, indexes. Beyond 2^53 an error, never rounded. */
export const unsigned: Codec<number> = strict(uint)

/** A signed integer: versions, sizes. */
export const signed: Codec<number> = strict(int)

/** The type of an entry: one byte. */
export const octet: Codec<number> = {
  ...unsigned,
  decode: (reader) => {
    const value = unsigned.decode(reader)
    if (value > 255) throw reader.invalid(`a byte was expected, got ${value}`)
    return value
  }
}

/** One character for each byte: two names are equal only if their bytes are. */
function textOf(reader: Reader): string {
  const bytes = reader.bytesView()
  if (bytes === undefined) return ''
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** A Go `string`: empty is written as the empty text. */
export const name: Codec<string> = {
  encode: (writer, value) => {
    writer.raw(Buffer.from(value, 'latin1'))
  },
  decode: textOf,
  isZero: (value) => value === '',
  zero: () => ''
}

/** A Go `[]byte` that holds a name: empty is written as nil. */
export const nameBytes: Codec<string> = {
  ...name,
  encode: (writer, value) => {
    if (value === '') writer.nil()
    else writer.raw(Buffer.from(value, 'latin1'))
  }
}

/** Seconds from the first instant of year 1 to that of 1970. */
const EPOCH_SECONDS = 62_135_596_800n
const ZONE_UTC = -1
const TIME_LENGTH = 15

/** Go's binary form of a time in UTC. */
function timeBytes(unixSeconds: bigint, nanoseconds: number): Uint8Array {
  const bytes = new Uint8Array(TIME_LENGTH)
  const view = new DataView(bytes.buffer)
  bytes[0] = 1
  view.setBigInt64(1, unixSeconds + EPOCH_SECONDS)
  view.setInt32(9, nanoseconds)
  view.setInt16(13, ZONE_UTC)
  return bytes
}

/** Go's binary form of milliseconds since 1970. */
export function timeOfMs(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000)
  return timeBytes(BigInt(seconds), Math.round((ms - seconds * 1000) * 1e6))
}

/** The zero time: what an entry without a time is stored with. */
export function zeroTime(): Uint8Array {
  return timeBytes(-EPOCH_SECONDS, 0)
}

/**
 * `AppendedAt`: kept as the bytes that came. Raw bytes of Go's two forms, nil, or an extension; `bin8`, `str8` and the
 * empty text are errors, as at the Go peer.
 */
export const instant: Codec<Uint8Array | undefined> = {
  encode: (writer, value) => {
    if (value === undefined) writer.nil()
    else writer.raw(value)
  },
  decode: (reader) => {
    const byte = reader.peek()
    if (byte === 0xc0 || byte === 0xaf || byte === 0xb0) {
      const bytes = reader.bytesView()?.slice()
      const version = byte === 0xaf ? 1 : 2
      if (bytes !== undefined && bytes[0] !== version) throw reader.invalid('a time of another form')
      return bytes
    }
    if (byte !== 0xd6 && byte !== 0xd7 && byte !== 0xc7) throw reader.unexpected('a time', byte)
    const payload = reader.timePayload()
    return payload === undefined ? undefined : fromTimestamp(payload, reader)
  },
  isZero: (value) => value === undefined,
  zero: () => undefined
}

/** The timestamp extension of msgpack, in Go's form. */
function fromTimestamp(payload: Uint8Array, reader: Reader): Uint8Array {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  switch (payload.length) {
    case 4:
      return timeBytes(BigInt(view.getUint32(0)), 0)
    case 8: {
      const both = view.getBigUint64(0)
      return timeBytes(both & 0x3_ffff_ffffn, Number(both >> 34n))
    }
    case 12:
      return timeBytes(view.getBigInt64(4), view.getUint32(0))
    default:
      throw reader.invalid(`a time has 4, 8 or 12 bytes, got ${payload.length}`)
  }
}
