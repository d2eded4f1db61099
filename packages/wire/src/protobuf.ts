import { ClusterError } from '@cluster/api'

/** The two wire types that pins use. */
const VARINT = 0
const LENGTH = 2

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Writes fields of a proto3 message in the order of the calls. Zero values are left to the caller. */
export class ProtobufWriter {
  #bytes = new Uint8Array(128)
  #length = 0

  /** The message: a copy. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** A uint64, int32 or enum field; negative values as two's complement of 64 bits. */
  varint(field: number, value: bigint | number): void {
    this.#varint(field * 8 + VARINT)
    this.#varint(value)
  }

  /** A sint32 field. */
  sint32(field: number, value: number): void {
    this.varint(field, ((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** A field of bytes or of a message. */
  length(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + LENGTH)
    this.#varint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** A string field. */
  string(field: number, value: string): void {
    this.length(field, utf8.encode(value))
  }

  #varint(value: bigint | number): void {
    this.#reserve(10)
    if (typeof value === 'number' && value >= 0 && value < 0x80000000) {
      let rest = value
      while (rest > 0x7f) {
        this.#bytes[this.#length++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      this.#bytes[this.#length++] = rest
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/** A field of a message: what it carried, by wire type. */
export type ProtobufField =
  { readonly number: number; readonly varint: bigint } | { readonly number: number; readonly bytes: Uint8Array }

/**
 * The fields of a message in their order, those of the fixed-width types left out: no message of ours has them.
 *
 * @throws ClusterError `CORRUPT` when the bytes are no message
 */
export function* protobufFields(input: Uint8Array): Generator<ProtobufField, void, undefined> {
  // A Buffer would hand out Buffers, whose slice() is no copy.
  const message = new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
  let at = 0
  function varint(): bigint {
    let value = 0
    // Up to 28 bits in a number, which is what tags and lengths have.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) throw corrupt('ends inside a varint')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return BigInt(value)
    }
    let wide = BigInt(value)
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) throw corrupt('ends inside a varint')
      wide |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, wide)
    }
    throw corrupt('varint of more than ten bytes')
  }
  function take(length: number): Uint8Array {
    if (length > message.length - at) throw corrupt('ends inside a field')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = Number(varint())
    const number = Math.floor(tag / 8)
    if (number < 1) throw corrupt('field without a number')
    switch (tag % 8) {
      case VARINT:
        yield { number, varint: varint() }
        break
      case LENGTH:
        yield { number, bytes: take(Number(varint())) }
        break
      case 1:
        take(8)
        break
      case 5:
        take(4)
        break
      default:
        throw corrupt(`wire type ${tag % 8}`)
    }
  }
}

/** The text of a string field. Throws `CORRUPT` when it is no UTF-8. */
export function protobufText(bytes: Uint8Array): string {
  try {
    return text.decode(bytes)
  } catch (error) {
    throw new ClusterError('CORRUPT', 'protobuf: string is no UTF-8', { cause: error })
  }
}

/** A sint32 from its varint. */
export function zigzag(varint: bigint): number {
  const value = Number(BigInt.asUintN(32, varint))
  return (value >>> 1) ^ -(value & 1)
}

function corrupt(message: string): ClusterError {
  return new ClusterError('CORRUPT', `protobuf: ${message}`)
}
