import { MalformedMessageError } from '../errors.ts'

/** Wire types of protobuf. */
export const VARINT = 0
export const LENGTH_DELIMITED = 2
const FIXED64 = 1
const GROUP_START = 3
const GROUP_END = 4
const FIXED32 = 5

const MAX_VARINT_BYTES = 10
const MAX_FIELD_NUMBER = 0x1fff_ffff
/** Groups are deprecated; nobody nests them, and unbounded nesting would be a stack of the sender's choice. */
const MAX_GROUP_DEPTH = 100

/**
 * Walks over the fields of one protobuf message, with the leniency of Go's decoder: varints need not be minimal,
 * unknown fields and groups can be skipped.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  #position = 0
  /** Number of the field that `next()` found. */
  field = 0
  /** Wire type of the field that `next()` found. */
  wireType = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Goes to the next field; false at the end. @throws MalformedMessageError on a field number of 0 or a bad tag */
  next(): boolean {
    if (this.#position === this.#bytes.length) return false
    const tag = this.#varint()
    this.wireType = tag.low & 7
    this.field = tag.high * 0x2000_0000 + (tag.low >>> 3)
    if (this.field === 0 || this.field > MAX_FIELD_NUMBER) throw new MalformedMessageError('bad field number')
    return true
  }

  /** The varint as int32: what is beyond 32 bits is cut off. */
  int32(): number {
    return this.#varint().low | 0
  }

  /** The varint as boolean: anything but zero is true. */
  bool(): boolean {
    const { low, high } = this.#varint()
    return low !== 0 || high !== 0
  }

  /** The bytes of a length-delimited field, as a view. */
  bytes(): Uint8Array {
    const { low, high } = this.#varint()
    if (high !== 0) throw new MalformedMessageError('a field is longer than the message')
    return this.#advance(low)
  }

  /** Passes over the value of the present field. */
  skip(): void {
    this.#skipValue(this.wireType, this.field)
  }

  #skipValue(wireType: number, field: number): void {
    switch (wireType) {
      case VARINT:
        this.#varint()
        return
      case FIXED64:
        this.#advance(8)
        return
      case LENGTH_DELIMITED:
        this.bytes()
        return
      case FIXED32:
        this.#advance(4)
        return
      case GROUP_START:
        this.#skipGroup(field)
        return
      default:
        throw new MalformedMessageError('bad wire type')
    }
  }

  #skipGroup(outermost: number): void {
    const open = [outermost]
    while (open.length > 0) {
      if (!this.next()) throw new MalformedMessageError('a group does not end')
      if (this.wireType === GROUP_START) {
        if (open.length === MAX_GROUP_DEPTH) throw new MalformedMessageError('groups are nested too deeply')
        open.push(this.field)
      } else if (this.wireType === GROUP_END) {
        if (open.pop() !== this.field) throw new MalformedMessageError('a group ends with another number')
      } else {
        this.#skipValue(this.wireType, this.field)
      }
    }
  }

  /** A varint of up to 64 bits as two unsigned halves. */
  #varint(): { low: number; high: number } {
    let low = 0
    let high = 0
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#bytes[this.#position]
      if (byte === undefined) break
      this.#position += 1
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (index * 7)
      else if (index === 4) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (index * 7 - 32)
      if (byte < 0x80) {
        if (index === MAX_VARINT_BYTES - 1 && byte > 1) break
        return { low: low >>> 0, high: high >>> 0 }
      }
    }
    throw new MalformedMessageError('bad varint')
  }

  #advance(length: number): Uint8Array {
    const end = this.#position + length
    if (end > this.#bytes.length) throw new MalformedMessageError('a field is longer than the message')
    const view = this.#bytes.subarray(this.#position, end)
    this.#position = end
    return view
  }
}
