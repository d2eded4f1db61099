import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { any, encode, MsgpackError, ValueScanner, valueLength } from './index.ts'

/** Values that `any` writes, nested. */
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie('value'), { maxKeys: 20 })
  )
})).value

function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof MsgpackError) return error.code
    throw error
  }
  return 'nothing thrown'
}

describe('ValueScanner', () => {
  it('finds the end of any value, and no end in any true prefix of it', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(any, value)
        expect(valueLength(bytes)).toBe(bytes.length)
        const scanner = new ValueScanner()
        for (let end = 0; end < bytes.length; end++) {
          expect(scanner.scan(bytes.subarray(0, end))).toBeUndefined()
          expect(scanner.atLeast).toBeGreaterThan(end)
          expect(scanner.atLeast).toBeLessThanOrEqual(bytes.length)
        }
        expect(scanner.scan(bytes)).toBe(bytes.length)
      }),
      { numRuns: 200 }
    )
  })

  it('stops at the end of the first value and then starts anew', () => {
    const scanner = new ValueScanner()
    const two = Uint8Array.of(0x92, 0x01, 0x02, 0xc0)
    expect(scanner.scan(two)).toBe(3)
    expect(scanner.scan(two.subarray(3))).toBe(1)
  })

  it.each([
    ['fixext1', 'd4ff00', 3],
    ['fixext2', 'd5ff0000', 4],
    ['fixext4', 'd6ff00000000', 6],
    ['fixext8', 'd7ff0000000000000000', 10],
    ['fixext16', `d8ff${'00'.repeat(16)}`, 18],
    ['ext8', 'c702ff0000', 5],
    ['ext16', 'c80002ff0000', 6],
    ['ext32', 'c900000002ff0000', 8],
    ['bin8', 'c40100', 3],
    ['bin16', 'c5000100', 4],
    ['bin32', 'c60000000100', 6],
    ['str8', 'd90161', 3],
    ['str32', 'db0000000161', 6],
    ['float32', 'ca00000000', 5],
    ['uint8', 'cc00', 2],
    ['array16', 'dc000201c0', 5],
    ['array32', 'dd0000000101', 6],
    ['map16', 'de0001a161c0', 6],
    ['map32', 'df00000001a161c0', 8]
  ])('knows the length of %s', (_, hex, length) => {
    const bytes = Buffer.from(`${hex}c0`, 'hex')
    expect(valueLength(bytes)).toBe(length)
    expect(valueLength(bytes.subarray(0, length - 1))).toBeUndefined()
  })

  it('refuses a value that announces more than it may have, before the bytes are there', () => {
    const megabytes = Uint8Array.of(0xdb, 0x00, 0x10, 0x00, 0x01)
    expect(codeOf(() => valueLength(megabytes, { maxBytes: 1_048_576 }))).toBe('MSGPACK_LIMIT')
    expect(valueLength(megabytes, { maxBytes: 1_048_576 + 6 })).toBeUndefined()
    const items = Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)
    expect(codeOf(() => valueLength(items, { maxBytes: 1_000_000 }))).toBe('MSGPACK_LIMIT')
  })

  it('refuses the byte that starts no value', () => {
    expect(codeOf(() => valueLength(Uint8Array.of(0x91, 0xc1)))).toBe('MSGPACK_INVALID')
  })
})
