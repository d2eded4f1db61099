import { MsgpackError } from './error.ts'
import { defaultReadLimits, type ReadLimits } from './limits.ts'
import { ValueScanner } from './scanner.ts'

/** Up to this length a loop is faster than the call of the native decoder. */
const SHORT_STRING = 24
/** Keys up to this length are looked up as a number: packed, they stay below 2^53. */
const PACKED_KEY = 6
const TWO_32 = 4_294_967_296
/** What `rawLength` returns for nil. */
const NIL = -1
/** What `rawLength` returns for an array, whose header is left unread. */
const ARRAY = -2

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads values from a buffer by the type that is expected, because this wire does not tell texts from byte strings.
 * Takes every form that the Go decoder takes. Nothing is taken from memory before it is known to be there.
 *
 * @see wire-host-rpc.md §3.2
 */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #limits: ReadLimits
  #position: number
  #depth = 0

  /** @param start where in `bytes` the first value begins */
  constructor(bytes: Uint8Array, limits: Partial<ReadLimits> = {}, start = 0) {
    // A Buffer would hand out Buffers, whose slice() is no copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limits = { ...defaultReadLimits, ...limits }
    this.#position = start
  }

  /** Index of the next byte. */
  get position(): number {
    return this.#position
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#bytes.length - this.#position
  }

  /** The next byte, left unread. */
  peek(): number {
    const byte = this.#bytes[this.#position]
    if (byte === undefined) throw this.#truncated()
    return byte
  }

  /** Reads nil if it comes next. */
  tryNil(): boolean {
    if (this.peek() !== 0xc0) return false
    this.#position++
    return true
  }

  /** Reads an integer of any form; of a float, one without fraction. nil is 0. Exact: a bigint beyond 2^53. */
  integer(): number | bigint {
    const byte = this.#byte()
    if (byte < 0x80) return byte
    if (byte >= 0xe0) return byte - 256
    switch (byte) {
      case 0xc0:
        return 0
      case 0xcc:
        return this.#byte()
      case 0xcd:
        return this.#view.getUint16(this.#take(2))
      case 0xce:
        return this.#view.getUint32(this.#take(4))
      case 0xcf:
        return this.#wide(this.#view.getUint32(this.#take(8)))
      case 0xd0:
        return this.#view.getInt8(this.#take(1))
      case 0xd1:
        return this.#view.getInt16(this.#take(2))
      case 0xd2:
        return this.#view.getInt32(this.#take(4))
      case 0xd3:
        return this.#wide(this.#view.getInt32(this.#take(8)))
      case 0xca:
        return this.#whole(this.#view.getFloat32(this.#take(4)))
      case 0xcb:
        return this.#whole(this.#view.getFloat64(this.#take(8)))
      default:
        throw this.unexpected('an integer', byte)
    }
  }

  /** Reads a float from a float or an integer of any form. nil is 0. */
  float(): number {
    const byte = this.peek()
    if (byte !== 0xca && byte !== 0xcb) return Number(this.integer())
    this.#position++
    return byte === 0xca ? this.#view.getFloat32(this.#take(4)) : this.#view.getFloat64(this.#take(8))
  }

  /** Reads a boolean; the integers 0 and 1 count, nil is false. */
  bool(): boolean {
    const byte = this.#byte()
    if (byte === 0xc3 || byte === 1) return true
    if (byte === 0xc2 || byte === 0 || byte === 0xc0) return false
    throw this.unexpected('a boolean', byte)
  }

  /** Reads a text; nil is the empty one. Bytes that are no UTF-8 become U+FFFD. */
  string(): string {
    const length = this.rawLength()
    if (length === NIL) return ''
    if (length === ARRAY) return utf8.decode(this.#byteArray())
    const start = this.#take(length)
    if (length <= SHORT_STRING) {
      let text = ''
      for (let i = start; i < start + length; i++) {
        const byte = this.#bytes[i] ?? 0
        if (byte > 0x7f) return utf8.decode(this.#bytes.subarray(start, start + length))
        text += String.fromCharCode(byte)
      }
      return text
    }
    return utf8.decode(this.#bytes.subarray(start, start + length))
  }

  /** Reads a text as a map key in a form that is cheap to look up: a number up to 6 bytes, else the text itself. */
  key(): number | string {
    const length = this.rawLength()
    if (length === NIL) return 1
    if (length === ARRAY) {
      const bytes = this.#byteArray()
      return packed(bytes, 0, bytes.length)
    }
    const start = this.#take(length)
    return packed(this.#bytes, start, start + length)
  }

  /** Reads a byte string without a copy: a view of the input. nil is undefined. */
  bytesView(): Uint8Array | undefined {
    const length = this.rawLength()
    if (length === NIL) return undefined
    if (length === ARRAY) return this.#byteArray()
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /**
   * Reads the header of a text or byte string of any form and returns its length; -1 for nil,
   * -2 for an array, which may stand for bytes and is left unread.
   */
  rawLength(): number {
    const byte = this.#byte()
    if (byte >= 0xa0 && byte < 0xc0) return byte & 0x1f
    switch (byte) {
      case 0xc0:
        return NIL
      case 0xc4:
      case 0xd9:
        return this.#byte()
      case 0xc5:
      case 0xda:
        return this.#view.getUint16(this.#take(2))
      case 0xc6:
      case 0xdb:
        return this.#view.getUint32(this.#take(4))
      default:
        if ((byte >= 0x90 && byte < 0xa0) || byte === 0xdc || byte === 0xdd) {
          this.#position--
          return ARRAY
        }
        throw this.unexpected('a text or bytes', byte)
    }
  }

  /** Reads the payload of a msgpack timestamp, as raw, bin or extension −1. nil is undefined. */
  timePayload(): Uint8Array | undefined {
    const byte = this.peek()
    let length: number
    if (byte === 0xd6 || byte === 0xd7 || byte === 0xc7) {
      this.#position++
      length = byte === 0xd6 ? 4 : byte === 0xd7 ? 8 : this.#byte()
      if (this.#byte() !== 0xff) throw this.invalid('an extension that is no time')
    } else {
      length = this.rawLength()
      if (length === NIL) return undefined
      if (length === ARRAY) throw this.unexpected('a time', byte)
    }
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** Reads the header of an array and goes one level deeper; -1 for nil. After the items call {@link Reader.leave}. */
  enterArray(): number {
    const byte = this.#byte()
    if (byte >= 0x90 && byte < 0xa0) return this.#enter(byte & 0x0f, 1)
    if (byte === 0xdc) return this.#enter(this.#view.getUint16(this.#take(2)), 1)
    if (byte === 0xdd) return this.#enter(this.#view.getUint32(this.#take(4)), 1)
    if (byte === 0xc0) return -1
    throw this.unexpected('an array', byte)
  }

  /** Reads the header of a map and goes one level deeper; -1 for nil. After the entries call {@link Reader.leave}. */
  enterMap(): number {
    const byte = this.#byte()
    if (byte >= 0x80 && byte < 0x90) return this.#enter(byte & 0x0f, 2)
    if (byte === 0xde) return this.#enter(this.#view.getUint16(this.#take(2)), 2)
    if (byte === 0xdf) return this.#enter(this.#view.getUint32(this.#take(4)), 2)
    if (byte === 0xc0) return -1
    throw this.unexpected('a map', byte)
  }

  /** Leaves an array or a map. */
  leave(): void {
    this.#depth--
  }

  /** Steps over one value of any type. */
  skip(): void {
    const rest = this.#bytes.subarray(this.#position)
    const length = new ValueScanner({ maxBytes: Infinity }).scan(rest)
    if (length === undefined) throw this.#truncated()
    this.#position += length
  }

  /** An error at the present position, for codecs whose bytes mean something. */
  invalid(message: string, cause?: unknown): MsgpackError {
    return new MsgpackError('MSGPACK_INVALID', message, this.#position, cause)
  }

  /** An error for a value of another type than expected. */
  unexpected(wanted: string, byte: number): MsgpackError {
    return this.invalid(`${wanted} was expected, got: 0x${byte.toString(16).padStart(2, '0')}`)
  }

  #enter(items: number, least: number): number {
    if (items > this.#limits.maxItems) {
      throw new MsgpackError('MSGPACK_LIMIT', `more than ${this.#limits.maxItems} entries`, this.#position)
    }
    // Each entry has at least a byte: what is not there must not be allocated.
    if (items * least > this.remaining) throw this.#truncated()
    if (++this.#depth > this.#limits.maxDepth) {
      throw new MsgpackError('MSGPACK_LIMIT', `more than ${this.#limits.maxDepth} levels`, this.#position)
    }
    return items
  }

  #byteArray(): Uint8Array {
    const items = this.enterArray()
    const bytes = new Uint8Array(items)
    for (let i = 0; i < items; i++) {
      const value = this.integer()
      if (value < 0 || value > 255) throw this.invalid('an item of the list is no byte')
      bytes[i] = Number(value)
    }
    this.leave()
    return bytes
  }

  #byte(): number {
    const byte = this.#bytes[this.#position]
    if (byte === undefined) throw this.#truncated()
    this.#position++
    return byte
  }

  #take(length: number): number {
    const start = this.#position
    if (length > this.#bytes.length - start) throw this.#truncated()
    this.#position = start + length
    return start
  }

  #wide(high: number): number | bigint {
    const low = this.#view.getUint32(this.#position - 4)
    const value = high * TWO_32 + low
    return Number.isSafeInteger(value) ? value : BigInt(high) * BigInt(TWO_32) + BigInt(low)
  }

  #whole(value: number): number | bigint {
    if (Number.isSafeInteger(value)) return value
    if (!Number.isInteger(value)) {
      throw this.invalid(`an integer was expected, got a float with a fraction: ${value}`)
    }
    if (value < -(2 ** 63) || value >= 2 ** 64) throw this.invalid(`${value} has more than 64 bits`)
    return BigInt(value)
  }

  #truncated(): MsgpackError {
    return new MsgpackError('MSGPACK_TRUNCATED', 'EOF', this.#position)
  }
}

function packed(bytes: Uint8Array, start: number, end: number): number | string {
  if (end - start > PACKED_KEY) return utf8.decode(bytes.subarray(start, end))
  let key = 1
  for (let i = start; i < end; i++) key = key * 256 + (bytes[i] ?? 0)
  return key
}
