import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import {
  any,
  array,
  binary,
  bool,
  bytes,
  bytesView,
  decode,
  encode,
  field,
  float64,
  int,
  int64,
  map,
  MsgpackError,
  Reader,
  string,
  struct,
  time,
  uint,
  uint64,
  type Codec
} from './index.ts'

function errorOf(call: () => unknown): MsgpackError {
  try {
    call()
  } catch (error) {
    if (error instanceof MsgpackError) return error
    throw error
  }
  throw new Error('nothing thrown')
}

describe('Reader', () => {
  it('reports what a list announces but does not hold as cut off, without taking memory for it', () => {
    expect(errorOf(() => decode(array(string), Uint8Array.of(0xdd, 0x00, 0x0f, 0xff, 0xff))).code).toBe(
      'MSGPACK_TRUNCATED'
    )
    expect(errorOf(() => decode(bytes, Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff))).code).toBe('MSGPACK_TRUNCATED')
    expect(errorOf(() => decode(int64, Uint8Array.of(0xd3, 0x00))).code).toBe('MSGPACK_TRUNCATED')
    expect(errorOf(() => decode(int64, new Uint8Array(0))).code).toBe('MSGPACK_TRUNCATED')
  })

  it('refuses more entries than the limit', () => {
    const list = encode(array(bool), [true, true, true])
    expect(decode(array(bool), list, { maxItems: 3 })).toHaveLength(3)
    expect(errorOf(() => decode(array(bool), list, { maxItems: 2 })).code).toBe('MSGPACK_LIMIT')
  })

  it('refuses more levels than the limit, also in values without a type', () => {
    const nested = Uint8Array.from([...Array<number>(65).fill(0x91), 0xc0])
    expect(errorOf(() => decode(any, nested)).code).toBe('MSGPACK_LIMIT')
    expect(decode(any, nested, { maxDepth: 65 })).toBeInstanceOf(Array)
  })

  it('steps over a deeply nested unknown field without recursion', () => {
    const deep = [...Array<number>(100_000).fill(0x91), 0xc0]
    const codec = struct<{ a: number }>({ a: field('a', int) })
    expect(decode(codec, Uint8Array.from([0x82, 0xa1, 0x78, ...deep, 0xa1, 0x61, 0x05]))).toEqual({ a: 5 })
  })

  it('counts the levels of siblings once', () => {
    const codec = array(array(int))
    const lists = Array.from({ length: 500 }, () => [1])
    expect(decode(codec, encode(codec, lists), { maxDepth: 2 })).toEqual(lists)
  })

  it('says where it stopped, in the words of the Go decoder', () => {
    const error = errorOf(() => decode(array(bool), Uint8Array.of(0x91, 0xa1, 0x61)))
    expect(error).toMatchObject({ code: 'MSGPACK_INVALID', position: 2 })
    expect(error.message).toMatch(/^msgpack decode error \[pos 2\]: /)
  })

  it('refuses integers that a number cannot hold exactly, and keeps them as bigint', () => {
    const beyond = encode(int64, 2n ** 53n)
    expect(decode(int64, beyond)).toBe(2n ** 53n)
    expect(errorOf(() => decode(int, beyond)).code).toBe('MSGPACK_RANGE')
    expect(errorOf(() => decode(uint, encode(uint64, 2n ** 64n - 1n))).code).toBe('MSGPACK_RANGE')
  })

  it('gives copies of byte strings, and views where they are asked for', () => {
    const input = Uint8Array.of(0xa2, 1, 2)
    const copy = decode(bytes, input)
    const view = decode(bytesView, input)
    input[1] = 9
    expect(copy).toEqual(Uint8Array.of(1, 2))
    expect(view).toEqual(Uint8Array.of(9, 2))
  })

  it('gives plain copies also from a Buffer, whose slices share its memory', () => {
    const input = Buffer.of(0xa2, 1, 2)
    const copy = decode(bytes, input)
    input[1] = 9
    expect(copy).toStrictEqual(Uint8Array.of(1, 2))
  })

  it('keeps a byte order mark and replaces what is no UTF-8', () => {
    expect(decode(string, Uint8Array.of(0xa4, 0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
    expect(decode(string, Uint8Array.of(0xa1, 0xff))).toBe('\ufffd')
  })

  it('reads only within the view it is given', () => {
    const whole = Uint8Array.of(0x05, 0xd1, 0x01, 0x00, 0x07)
    const reader = new Reader(whole.subarray(1, 4))
    expect(reader.integer()).toBe(256)
    expect(reader.remaining).toBe(0)
    expect(errorOf(() => reader.integer()).code).toBe('MSGPACK_TRUNCATED')
  })

  it('turns the refusal of a binary type into an error with the cause', () => {
    const cause = new Error('too short')
    const codec = binary<Uint8Array>(
      () => {
        throw cause
      },
      (value) => value
    )
    expect(errorOf(() => decode(codec, Uint8Array.of(0xa0)))).toMatchObject({ code: 'MSGPACK_INVALID', cause })
    expect(decode(codec, Uint8Array.of(0xc0))).toBeUndefined()
  })

  it('makes __proto__ a key like any other', () => {
    const value = decode(any, encode(map(bool), new Map([['__proto__', true]])))
    expect(Object.entries(value as object)).toEqual([['__proto__', true]])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it('takes a float for an integer only if it is whole and has at most 64 bits', () => {
    const float = (value: number): Uint8Array => {
      const bytes = new Uint8Array(9)
      bytes[0] = 0xcb
      new DataView(bytes.buffer).setFloat64(1, value)
      return bytes
    }
    expect(decode(uint64, float(2 ** 63))).toBe(2n ** 63n)
    expect(decode(int64, float(-(2 ** 63)))).toBe(-(2n ** 63n))
    for (const value of [0.5, 2 ** 64, -(2 ** 64), Infinity, NaN]) {
      expect(() => decode(uint64, float(value))).toThrow(MsgpackError)
      expect(() => decode(int64, float(value))).toThrow(MsgpackError)
    }
  })

  it('answers garbage with a value or a MsgpackError, never with anything else', () => {
    const nested: Codec<{ readonly list: readonly string[] | undefined; readonly when: bigint | undefined }> = struct({
      list: field('l', array(string)),
      when: field('t', time)
    })
    const codecs: readonly Codec<never>[] = [
      any,
      bool,
      bytes,
      float64,
      int,
      int64,
      string,
      time,
      uint,
      uint64,
      map(nested),
      array(nested)
    ] as unknown as readonly Codec<never>[]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        for (const codec of codecs) {
          try {
            codec.decode(new Reader(input))
          } catch (error) {
            if (!(error instanceof MsgpackError)) throw error
          }
        }
      }),
      { numRuns: 2000 }
    )
  })
})
