import { MsgpackError } from './error.ts'
import { DEFAULT_MAX_WRITER_BYTES } from './limits.ts'

const INITIAL_BYTES = 256
/** Up to this length a loop is faster than the call of the native encoder. */
const SHORT_STRING = 48
/** Above this length the room for the worst case of UTF-8 costs more than a copy. */
const LONG_STRING = 65536
const TWO_32 = 4_294_967_296

const utf8 = new TextEncoder()

/** How a {@link Writer} starts and ends. */
export interface WriterOptions {
  /** Bytes to reserve at first. */
  readonly initialBytes?: number
  /** Size of the buffer beyond which writing fails with `MSGPACK_LIMIT`; room for headers and text counts. */
  readonly maxBytes?: number
  /**
   * Byte strings of at least so many bytes are not copied: they are parts of their own in {@link Writer.parts}, and must
   * not change until these were used. Without it all are copied.
   */
  readonly shareBytes?: number
}

/**
 * A growing buffer with the output forms of the Go codec (old raw strings, smallest signed forms).
 * Values are written back to back; take them with {@link Writer.bytes} or {@link Writer.view}.
 *
 * @see wire-host-rpc.md §3.1
 */
export class Writer {
  #buffer: Uint8Array
  #view: DataView
  #length = 0
  readonly #maxBytes: number
  readonly #shareBytes: number
  /** What stands before the part that is being written; its first byte is at `#partStart` of the buffer. */
  #parts: Uint8Array[] = []
  #partStart = 0
  #sharedBytes = 0

  constructor(options: WriterOptions = {}) {
    this.#buffer = new Uint8Array(options.initialBytes ?? INITIAL_BYTES)
    this.#view = new DataView(this.#buffer.buffer)
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_WRITER_BYTES
    this.#shareBytes = options.shareBytes ?? Infinity
  }

  /** Bytes written so far, shared ones included. */
  get length(): number {
    return this.#sharedBytes + this.#length
  }

  /** A copy of what was written: stays as it is when the writer goes on. */
  bytes(): Uint8Array {
    return this.#parts.length === 0 ? this.#buffer.slice(0, this.#length) : joined(this.parts(), this.length)
  }

  /** What was written, without a copy: valid until the next write or {@link Writer.reset}. */
  view(): Uint8Array {
    return this.#parts.length === 0 ? this.#buffer.subarray(0, this.#length) : joined(this.parts(), this.length)
  }

  /** What was written, in order, without a copy of shared byte strings: valid until the next write. */
  parts(): readonly Uint8Array[] {
    const last = this.#buffer.subarray(this.#partStart, this.#length)
    return last.length === 0 ? this.#parts : [...this.#parts, last]
  }

  /**
   * Forgets what was written and keeps the memory; with a length, forgets only what came after it. A part of what comes
   * after shared bytes cannot be kept.
   */
  reset(length = 0): void {
    if (length < 0 || length > this.length) throw new RangeError('length is not within what was written')
    if (this.#parts.length > 0 && length > 0) throw new RangeError('shared bytes cannot be kept in part')
    this.#parts = []
    this.#partStart = 0
    this.#sharedBytes = 0
    this.#length = length
  }

  /** Writes nil. */
  nil(): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = 0xc0
  }

  /** Writes a boolean. */
  bool(value: boolean): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value ? 0xc3 : 0xc2
  }

  /** Writes a safe integer as Go writes a signed one. Throws `MSGPACK_RANGE` for any other number. */
  int(value: number): void {
    if (value >= -32 && value <= 127 && Number.isInteger(value)) {
      this.#reserve(1)
      this.#buffer[this.#length++] = value & 0xff
      return
    }
    if (!Number.isSafeInteger(value)) throw new MsgpackError('MSGPACK_RANGE', `not a safe integer: ${value}`)
    this.#reserve(9)
    const at = this.#length
    if (value >= -128 && value < 0) {
      this.#buffer[at] = 0xd0
      this.#buffer[at + 1] = value & 0xff
      this.#length = at + 2
    } else if (value >= -32768 && value <= 32767) {
      this.#buffer[at] = 0xd1
      this.#view.setInt16(at + 1, value)
      this.#length = at + 3
    } else if (value >= -2147483648 && value <= 2147483647) {
      this.#buffer[at] = 0xd2
      this.#view.setInt32(at + 1, value)
      this.#length = at + 5
    } else {
      this.#buffer[at] = 0xd3
      this.#view.setInt32(at + 1, Math.floor(value / TWO_32))
      this.#view.setUint32(at + 5, value >>> 0)
      this.#length = at + 9
    }
  }

  /** Writes a safe integer from 0 as Go writes an unsigned one. Throws `MSGPACK_RANGE` for any other number. */
  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new MsgpackError('MSGPACK_RANGE', `not a safe unsigned integer: ${value}`)
    }
    this.#reserve(9)
    const at = this.#length
    if (value <= 127) {
      this.#buffer[at] = value
      this.#length = at + 1
    } else if (value <= 0xff) {
      this.#buffer[at] = 0xcc
      this.#buffer[at + 1] = value
      this.#length = at + 2
    } else if (value <= 0xffff) {
      this.#buffer[at] = 0xcd
      this.#view.setUint16(at + 1, value)
      this.#length = at + 3
    } else if (value < TWO_32) {
      this.#buffer[at] = 0xce
      this.#view.setUint32(at + 1, value)
      this.#length = at + 5
    } else {
      this.#buffer[at] = 0xcf
      this.#view.setUint32(at + 1, Math.floor(value / TWO_32))
      this.#view.setUint32(at + 5, value >>> 0)
      this.#length = at + 9
    }
  }

  /** Writes a signed 64-bit integer. Throws `MSGPACK_RANGE` beyond 64 bits. */
  int64(value: bigint): void {
    if (value >= -2147483648n && value <= 2147483647n) {
      this.int(Number(value))
      return
    }
    if (BigInt.asIntN(64, value) !== value) throw new MsgpackError('MSGPACK_RANGE', 'integer beyond int64')
    this.#reserve(9)
    this.#buffer[this.#length] = 0xd3
    this.#view.setBigInt64(this.#length + 1, value)
    this.#length += 9
  }

  /** Writes an unsigned 64-bit integer. Throws `MSGPACK_RANGE` below 0 and beyond 64 bits. */
  uint64(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw new MsgpackError('MSGPACK_RANGE', 'integer beyond uint64')
    if (value <= 0xffffffffn) {
      this.uint(Number(value))
      return
    }
    this.#reserve(9)
    this.#buffer[this.#length] = 0xcf
    this.#view.setBigUint64(this.#length + 1, value)
    this.#length += 9
  }

  /** Writes a float64, never narrowed. */
  float64(value: number): void {
    this.#reserve(9)
    this.#buffer[this.#length] = 0xcb
    this.#view.setFloat64(this.#length + 1, value)
    this.#length += 9
  }

  /** Writes a text as raw UTF-8. */
  string(value: string): void {
    const units = value.length
    if (units <= SHORT_STRING && this.#shortAscii(value, units)) return
    if (units > LONG_STRING) {
      this.raw(utf8.encode(value))
      return
    }
    // Each UTF-16 unit becomes at most 3 bytes; the header is settled once the length is known.
    this.#reserve(units * 3 + 5)
    const at = this.#length
    const { written } = utf8.encodeInto(value, this.#buffer.subarray(at + 5))
    this.#rawHeader(written)
    this.#buffer.copyWithin(this.#length, at + 5, at + 5 + written)
    this.#length += written
  }

  /** Writes a byte string. On this wire it cannot be told from a text. */
  raw(value: Uint8Array): void {
    if (value.length >= this.#shareBytes) {
      this.#share(value)
      return
    }
    this.#reserve(value.length + 5)
    this.#rawHeader(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  /** Writes the header of an array of that many items. */
  arrayHeader(items: number): void {
    this.#header(items, 0x90, 0xdc)
  }

  /** Writes the header of a map of that many entries. */
  mapHeader(entries: number): void {
    this.#header(entries, 0x80, 0xde)
  }

  /** Writes bytes that already are msgpack. */
  encoded(value: Uint8Array): void {
    const { length } = value
    this.#reserve(length)
    const at = this.#length
    if (length <= 8) for (let i = 0; i < length; i++) this.#buffer[at + i] = value[i] ?? 0
    else this.#buffer.set(value, at)
    this.#length = at + length
  }

  #share(value: Uint8Array): void {
    this.#reserve(5)
    this.#rawHeader(value.length)
    this.#sharedBytes += value.length
    if (this.length > this.#maxBytes) this.#refuse()
    this.#parts.push(this.#buffer.subarray(this.#partStart, this.#length), value)
    this.#partStart = this.#length
  }

  #shortAscii(value: string, units: number): boolean {
    this.#reserve(units + 3)
    const start = this.#length
    this.#rawHeader(units)
    const at = this.#length
    for (let i = 0; i < units; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 0x7f) {
        this.#length = start
        return false
      }
      this.#buffer[at + i] = unit
    }
    this.#length = at + units
    return true
  }

  #rawHeader(bytes: number): void {
    const at = this.#length
    if (bytes < 32) {
      this.#buffer[at] = 0xa0 | bytes
      this.#length = at + 1
    } else if (bytes <= 0xffff) {
      this.#buffer[at] = 0xda
      this.#view.setUint16(at + 1, bytes)
      this.#length = at + 3
    } else {
      this.#buffer[at] = 0xdb
      this.#view.setUint32(at + 1, bytes)
      this.#length = at + 5
    }
  }

  #header(count: number, fix: number, wide: number): void {
    this.#reserve(5)
    const at = this.#length
    if (count < 16) {
      this.#buffer[at] = fix | count
      this.#length = at + 1
    } else if (count <= 0xffff) {
      this.#buffer[at] = wide
      this.#view.setUint16(at + 1, count)
      this.#length = at + 3
    } else {
      this.#buffer[at] = wide + 1
      this.#view.setUint32(at + 1, count)
      this.#length = at + 5
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed > this.#buffer.length) this.#grow(needed)
  }

  #grow(needed: number): void {
    if (needed + this.#sharedBytes > this.#maxBytes) this.#refuse()
    const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, this.#buffer.length * 2)))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
    this.#view = new DataView(grown.buffer)
  }

  #refuse(): never {
    throw new MsgpackError('MSGPACK_LIMIT', `more than ${this.#maxBytes} bytes to write`)
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
