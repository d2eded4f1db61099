import { MsgpackError } from './error.ts'
import { DEFAULT_MAX_VALUE_BYTES } from './limits.ts'

/**
 * Finds where one msgpack value ends, without decoding it: streams of this wire are values back to back, without
 * lengths. The scanner remembers how far it came, so a value that arrives in a thousand pieces is walked once, not a
 * thousand times; a byte string is stepped over without a look at it. It needs no memory of its own.
 *
 * @example
 * const scanner = new ValueScanner({ maxBytes: 4096 })
 * scanner.scan(Uint8Array.of(0x92, 0x01)) // undefined: the second item is missing
 * scanner.scan(Uint8Array.of(0x92, 0x01, 0x02, 0xc0)) // 3: the value, then one byte of the next
 */
export class ValueScanner {
  readonly #maxBytes: number
  #position = 0
  #pending = 1
  #atLeast = 1

  /** @param options.maxBytes bytes that one value may have; a value that announces more fails at once. */
  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_VALUE_BYTES
  }

  /** Bytes that the value has at least, as far as is known: what the buffer must reach before `scan` can succeed. */
  get atLeast(): number {
    return this.#atLeast
  }

  /** Forgets the value: the next `scan` starts at the first byte of a new one. */
  reset(): void {
    this.#position = 0
    this.#pending = 1
    this.#atLeast = 1
  }

  /**
   * The length of the value that starts at `bytes[0]`, or undefined while it is incomplete. Call again with a buffer
   * that starts with the same bytes and holds more of them. After a length was returned, the scanner is reset.
   *
   * @throws MsgpackError `MSGPACK_LIMIT` when the value announces more than `maxBytes`; `MSGPACK_INVALID` for the
   * byte c1, which starts no value.
   */
  scan(bytes: Uint8Array): number | undefined {
    let position = this.#position
    let pending = this.#pending
    const available = bytes.length
    let partialHeader = 0
    while (pending > 0 && position < available) {
      const header = headerLength(bytes[position] ?? 0)
      if (header === 0) throw new MsgpackError('MSGPACK_INVALID', 'the byte c1 starts no value', position + 1)
      if (position + header > available) {
        partialHeader = header - 1
        break
      }
      const size = payload(bytes, position)
      if (size >= 0) position += header + size
      else {
        position += header
        pending += -1 - size
      }
      pending--
      if (position + pending > this.#maxBytes) {
        throw new MsgpackError('MSGPACK_LIMIT', `value of more than ${this.#maxBytes} bytes`, position)
      }
    }
    this.#position = position
    this.#pending = pending
    this.#atLeast = position + pending + partialHeader
    if (pending > 0 || position > available) return undefined
    this.reset()
    return position
  }
}

/**
 * The length of the msgpack value that starts at `bytes[0]`, or undefined when the bytes end before it does.
 *
 * @throws MsgpackError as {@link ValueScanner.scan}
 */
export function valueLength(bytes: Uint8Array, options: { readonly maxBytes?: number } = {}): number | undefined {
  return new ValueScanner(options).scan(bytes)
}

/** Bytes of a header with its length field: type byte, length, type of an extension. 0 for c1. */
function headerLength(byte: number): number {
  if (byte < 0xc0 || byte >= 0xe0) return 1
  switch (byte) {
    case 0xc1:
      return 0
    case 0xc4: // bin8
    case 0xd9: // str8
      return 2
    case 0xc5: // bin16
    case 0xda: // str16
    case 0xdc: // array16
    case 0xde: // map16
    case 0xc7: // ext8
      return 3
    case 0xc8: // ext16
      return 4
    case 0xc6: // bin32
    case 0xdb: // str32
    case 0xdd: // array32
    case 0xdf: // map32
      return 5
    case 0xc9: // ext32
      return 6
    case 0xd4: // fixext
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return 2
    default:
      return 1
  }
}

/** Bytes that follow a complete header; for arrays and maps −1 − (number of values that follow). */
function payload(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0
  if (byte < 0x80 || byte >= 0xe0) return 0
  if (byte < 0x90) return -1 - (byte & 0x0f) * 2
  if (byte < 0xa0) return -1 - (byte & 0x0f)
  if (byte < 0xc0) return byte & 0x1f
  switch (byte) {
    case 0xc4:
    case 0xc7:
    case 0xd9:
      return bytes[at + 1] ?? 0
    case 0xc5:
    case 0xc8:
    case 0xda:
      return uint16(bytes, at + 1)
    case 0xc6:
    case 0xc9:
    case 0xdb:
      return uint32(bytes, at + 1)
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
      return 2
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return 1 << (byte - 0xd4)
    case 0xdc:
      return -1 - uint16(bytes, at + 1)
    case 0xdd:
      return -1 - uint32(bytes, at + 1)
    case 0xde:
      return -1 - uint16(bytes, at + 1) * 2
    case 0xdf:
      return -1 - uint32(bytes, at + 1) * 2
    default:
      return 0
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 65536 + uint16(bytes, at + 2)
}
