import { ManualClock } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { OverlapRule } from './overlap-rule.ts'

const group = (queued: number) => ({ queued, isBatching: false })

/** A rule that has seen blocks of so many changes, which took so long. */
async function measured(changes: number, formingMs: number, writingMs: number): Promise<OverlapRule> {
  const clock = new ManualClock()
  const rule = new OverlapRule(clock, undefined)
  for (let round = 0; round < 50; round += 1) {
    const formed = rule.forming(changes, Infinity)
    await clock.advance(formingMs)
    formed()
    const written = rule.writing()
    await clock.advance(writingMs)
    written()
  }
  return rule
}

describe('OverlapRule', () => {
  test('callers that all wait are parted into two halves, if forming takes longer than writing', async () => {
    const rule = await measured(64, 4, 2)
    expect(rule.maxChanges(group(64), 0)).toBe(32)
    rule.forming(32, 32)
    expect(rule.maxChanges(group(32), 32)).toBe(32)
    expect(rule.maxChanges(group(64), 0)).toBe(Infinity) // the other half, and who came meanwhile
  })

  test('on a slow disk all go into one block, formed when the last one is written', async () => {
    const rule = await measured(64, 4, 20)
    expect(rule.maxChanges(group(64), 0)).toBe(Infinity)
    expect(rule.maxChanges(group(64), 64)).toBe(0)
    expect(rule.maxChanges(group(500), 64)).toBeGreaterThan(0) // these take longer to form than 20 ms
  })

  test('few are never parted, and few do not go ahead of many', async () => {
    const rule = await measured(64, 4, 2)
    expect(rule.maxChanges(group(60), 0)).toBe(Infinity)
    expect(rule.maxChanges(group(3), 5)).toBe(0)
    expect(rule.maxChanges(group(10), 54)).toBe(0)
  })

  test('with batching, the batches are what they are', async () => {
    const rule = await measured(100, 4, 2)
    expect(rule.maxChanges({ queued: 100, isBatching: true }, 0)).toBe(Infinity)
    expect(rule.maxChanges({ queued: 100, isBatching: true }, 100)).toBe(Infinity)
    const slow = await measured(100, 4, 20)
    expect(slow.maxChanges({ queued: 100, isBatching: true }, 100)).toBe(0)
  })
})
