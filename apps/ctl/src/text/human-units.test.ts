import { describe, expect, it } from 'vitest'
import { humanBytes, relativeTime } from './human-units.ts'

describe('bytes', () => {
  it.each([
    [0n, '0 B'],
    [9n, '9 B'],
    [10n, '10 B'],
    [999n, '999 B'],
    [1000n, '1.0 kB'],
    [1500n, '1.5 kB'],
    [9949n, '9.9 kB'],
    [9950n, '10 kB'],
    [12_345n, '12 kB'],
    [999_950n, '1000 kB'],
    [1_000_000n, '1.0 MB'],
    [1_000_000_000n, '1.0 GB'],
    [10_000_000_000n, '10 GB'],
    [123_456_789n, '124 MB'],
    [2_000_000_000_000_000_000n, '2.0 EB']
  ])('%d', (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text)
  })
})

describe('times', () => {
  const now = 1_700_000_000_000_000_000n
  it.each([
    [0.5, 'now'],
    [-0.5, 'now'],
    [1, '1 second from now'],
    [-1.9, '1 second ago'],
    [-39, '39 seconds ago'],
    [60, '1 minute from now'],
    [-7199, '1 hour ago'],
    [7200, '2 hours from now'],
    [-86_400, '1 day ago'],
    [6 * 86_400, '6 days from now'],
    [7 * 86_400, '1 week from now'],
    [-20 * 86_400, '2 weeks ago'],
    [-30 * 86_400, '1 month ago'],
    [-100 * 86_400, '3 months ago'],
    [-400 * 86_400, '1 year ago'],
    [-600 * 86_400, '2 years ago'],
    [-1000 * 86_400, '2 years ago'],
    [-1100 * 86_400, '3 years ago'],
    [-37 * 360 * 86_400, 'a long while ago']
  ])('%d s', (seconds, text) => {
    expect(relativeTime(now + BigInt(seconds * 1e9), now)).toBe(text)
  })
})
