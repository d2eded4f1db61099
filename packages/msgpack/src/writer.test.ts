import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { any, decode, encode, int, int64, MsgpackError, string, time, uint, uint64, Writer } from './index.ts'

function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof MsgpackError) return error.code
    throw error
  }
  return 'nothing thrown'
}

describe('Writer', () => {
  it('brings every text back, of any length and script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(3), (unit, power) => {
        const text = unit.repeat(20 ** power % 1000)
        expect(decode(string, encode(string, text))).toBe(text)
      })
    )
  })

  it.each([31, 32, 47, 48, 49, 255, 256, 65535, 65536, 70000])(
    'writes a text of %i bytes with the right header',
    (n) => {
      const header = n < 32 ? 1 : n < 65536 ? 3 : 5
      for (const text of ['a'.repeat(n), `${'a'.repeat(n - 3)}€`]) {
        const written = encode(string, text)
        expect(written.length).toBe(n + header)
        expect(decode(string, written)).toBe(text)
      }
    }
  )

  it('brings every integer back, in the forms of number and bigint alike', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(decode(int, encode(int, value))).toBe(value)
        expect(encode(int64, BigInt(value))).toEqual(encode(int, value))
        const positive = Math.abs(value)
        expect(decode(uint, encode(uint, positive))).toBe(positive)
        expect(encode(uint64, BigInt(positive))).toEqual(encode(uint, positive))
      })
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(decode(int64, encode(int64, value))).toBe(value)
      })
    )
  })

  it('brings every time back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (value) => {
        expect(decode(time, encode(time, value))).toBe(value)
      })
    )
    expect(encode(time, -62_135_596_800_000_000_000n)).toEqual(Uint8Array.of(0xc0))
  })

  it('brings every value without a type back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(decode(any, encode(any, value))).toEqual(value)
      })
    )
  })

  it('refuses numbers that do not fit', () => {
    for (const value of [1.5, Number.NaN, 2 ** 53, Infinity]) {
      expect(codeOf(() => encode(int, value))).toBe('MSGPACK_RANGE')
      expect(codeOf(() => encode(uint, value))).toBe('MSGPACK_RANGE')
    }
    expect(codeOf(() => encode(uint, -1))).toBe('MSGPACK_RANGE')
    expect(codeOf(() => encode(uint64, -1n))).toBe('MSGPACK_RANGE')
    expect(codeOf(() => encode(uint64, 2n ** 64n))).toBe('MSGPACK_RANGE')
    expect(codeOf(() => encode(int64, 2n ** 63n))).toBe('MSGPACK_RANGE')
    expect(codeOf(() => encode(time, 2n ** 100n))).toBe('MSGPACK_RANGE')
  })

  it('grows as needed and stops at its limit', () => {
    const writer = new Writer({ initialBytes: 1, maxBytes: 1000 })
    writer.raw(new Uint8Array(900))
    expect(writer.length).toBe(903)
    expect(
      codeOf(() => {
        writer.raw(new Uint8Array(200))
      })
    ).toBe('MSGPACK_LIMIT')
    expect(writer.length).toBe(903)
  })

  it('gives copies that outlive the next write, and takes back what came last', () => {
    const writer = new Writer()
    writer.int(1)
    const copy = writer.bytes()
    const mark = writer.length
    writer.int(2)
    writer.reset(mark)
    writer.int(3)
    expect(copy).toEqual(Uint8Array.of(1))
    expect(writer.view()).toEqual(Uint8Array.of(1, 3))
    writer.reset()
    expect(writer.length).toBe(0)
    expect(() => {
      writer.reset(5)
    }).toThrow(RangeError)
  })

  it('does not follow a circle for ever', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(codeOf(() => encode(any, circle))).toBe('MSGPACK_LIMIT')
    expect(codeOf(() => encode(any, () => 1))).toBe('MSGPACK_INVALID')
  })
})

describe('parts', () => {
  const long = new Uint8Array(1000).fill(7)
  const write = (options: { shareBytes?: number; maxBytes?: number }): Writer => {
    const writer = new Writer({ initialBytes: 4, ...options })
    writer.mapHeader(2)
    writer.string('first')
    writer.raw(long)
    writer.string('second'.repeat(20))
    writer.raw(long.subarray(0, 999))
    writer.raw(long)
    return writer
  }

  it('are the same bytes, with long byte strings as they were given', () => {
    const copied = write({})
    const shared = write({ shareBytes: 1000 })
    const parts = shared.parts()
    expect(Buffer.concat(parts)).toEqual(Buffer.from(copied.bytes()))
    expect(parts.filter((part) => part.buffer === long.buffer)).toHaveLength(2)
    expect(copied.parts()).toEqual([copied.view()])
    expect(shared.length).toBe(copied.length)
    expect(shared.bytes()).toEqual(copied.bytes())
    expect(shared.view()).toEqual(copied.bytes())
  })

  it('count for the limit, and are forgotten by a reset', () => {
    const { length } = write({})
    expect(write({ shareBytes: 1000, maxBytes: length + 8 }).length).toBe(length)
    expect(() => write({ shareBytes: 1000, maxBytes: length - 1 })).toThrow('bytes to write')
    expect(() => write({ shareBytes: 1000, maxBytes: 1500 })).toThrow('bytes to write')
    const writer = write({ shareBytes: 1000 })
    expect(() => {
      writer.reset(5)
    }).toThrow(RangeError)
    writer.reset()
    writer.bool(true)
    expect(writer.parts()).toEqual([Uint8Array.of(0xc3)])
  })
})
