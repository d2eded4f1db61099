import { expect } from 'vitest'
import type { NewcomerResult } from './newcomer.ts'

/** Blocks that were on their way or in memory when the peer was killed are fetched again. */
const MOST_FETCHED = 1.75

/** What was taken in before a kill is still there after it, and is not fetched again. */
export function expectNoNewStart({ undisturbed, kills, bytes }: NewcomerResult): void {
  let before = 0
  for (const { entries } of kills) {
    expect(entries).toBeGreaterThan(before)
    before = entries
  }
  expect(bytes / undisturbed.bytes).toBeLessThan(MOST_FETCHED)
}
