import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'

describe('durations', () => {
  it.each([
    ['1h2m', 3_720_000],
    ['0h2m0s', 120_000],
    ['.5s', 500],
    ['-5s', -5000],
    ['1.5h', 5_400_000],
    ['0', 0],
    ['1h30m0.5s', 5_400_500],
    ['2.s', 2000]
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    ['x', 'time: invalid duration "x"'],
    ['', 'time: invalid duration ""'],
    ['5', 'time: missing unit in duration "5"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['9999999999h', 'time: invalid duration "9999999999h"'],
    ['1 h', 'time: unknown unit " h" in duration "1 h"']
  ])('refuses %s as Go does', (text, message) => {
    expect(() => parseDuration(text)).toThrow(message)
  })

  it.each([
    [0, '0s'],
    [200, '200ms'],
    [0.0015, '1.5µs'],
    [1000, '1s'],
    [1500, '1.5s'],
    [60_000, '1m0s'],
    [90_000, '1m30s'],
    [300_000, '5m0s'],
    [86_400_000, '24h0m0s'],
    [-5000, '-5s']
  ])('prints %d ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
    expect(parseDuration(text)).toBe(ms)
  })
})
