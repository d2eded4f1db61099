import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatTimestamp,
  parseTimestamp,
  timestampFromMs,
  timestampOffset,
  timestampToMs,
  truncateToSecond,
  ZERO_TIME_TEXT
} from './timestamp.ts'

describe('timestamps', () => {
  it.each([
    ['2023-11-14T22:13:20Z', 1_700_000_000_000_000_000n],
    ['2023-11-14T22:13:20.5Z', 1_700_000_000_500_000_000n],
    ['2023-11-14T22:13:20.123456789Z', 1_700_000_000_123_456_789n],
    ['1970-01-01T00:00:00Z', 0n],
    ['1969-12-31T23:59:59.999999999Z', -1n]
  ])('prints and reads %s', (text, time) => {
    expect(formatTimestamp(time)).toBe(text)
    expect(parseTimestamp(text)).toBe(time)
  })

  it('tells no time from the epoch', () => {
    expect(formatTimestamp(undefined)).toBe(ZERO_TIME_TEXT)
    expect(parseTimestamp(ZERO_TIME_TEXT)).toBeUndefined()
    expect(parseTimestamp('1970-01-01T00:00:00Z')).toBe(0n)
  })

  it('reads offsets, and more digits than it keeps', () => {
    expect(parseTimestamp('2026-01-02T03:04:05.123456789+01:00')).toBe(parseTimestamp('2026-01-02T02:04:05.123456789Z'))
    expect(parseTimestamp('2026-01-02T03:04:05.1234567899Z')).toBe(parseTimestamp('2026-01-02T03:04:05.123456789Z'))
  })

  it.each(['tomorrow', '2026-02-31T00:00:00Z', '2026-01-02 03:04:05', '2026-01-02T03:04:05', '2026-13-01T00:00:00Z'])(
    'refuses %s',
    (text) => {
      expect(() => parseTimestamp(text)).toThrow(SyntaxError)
    }
  )

  it('is the same after printing and reading, whatever the instant', () => {
    // From year 1 to 9999, where RFC 3339 ends.
    fc.assert(
      fc.property(fc.bigInt({ min: -62_135_596_799_000_000_000n, max: 253_402_300_799_999_999_999n }), (time) => {
        expect(parseTimestamp(formatTimestamp(time))).toBe(time)
      })
    )
  })

  it('shows the clock of an offset, and tells the offset of a text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
        fc.integer({ min: -900, max: 900 }),
        (time, offset) => {
          const text = formatTimestamp(time, offset)
          expect([parseTimestamp(text), timestampOffset(text)]).toEqual([time, offset])
        }
      )
    )
    expect(formatTimestamp(0n, -210)).toBe('1969-12-31T20:30:00-03:30')
    expect(['2026-01-02T03:04:05Z', '2026-01-02'].map(timestampOffset)).toEqual([0, 0])
  })

  it('cannot write years that RFC 3339 has not', () => {
    expect(() => formatTimestamp(300_000_000_000_000_000_000n)).toThrow(RangeError)
  })

  it('rounds down to seconds and milliseconds, also before the epoch', () => {
    expect(truncateToSecond(-1n)).toBe(-1_000_000_000n)
    expect(timestampToMs(-1n)).toBe(-1)
    expect(timestampToMs(timestampFromMs(1234))).toBe(1234)
  })
})
