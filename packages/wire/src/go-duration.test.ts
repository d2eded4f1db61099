import { describe, expect, it } from 'vitest'
import { parseGoDuration } from './go-duration.ts'

describe('parseGoDuration', () => {
  it.each([
    ['0', 0n],
    ['1ns', 1n],
    ['1us', 1000n],
    ['1µs', 1000n],
    ['1.5s', 1_500_000_000n],
    ['.5h', 1_800_000_000_000n],
    ['1.h', 3_600_000_000_000n],
    ['1h2m3s4ms', 3_723_004_000_000n],
    ['-10m', -600_000_000_000n],
    ['+1s', 1_000_000_000n]
  ])('reads %s', (text, nanos) => {
    expect(parseGoDuration(text)).toBe(nanos)
  })

  it.each(['', '-', 's', '.s', '1', '1x', '1 s', '1s ', 'h1', '1.2.3s', '9999999999h'])('refuses %j', (text) => {
    expect(() => parseGoDuration(text)).toThrow(SyntaxError)
  })
})
