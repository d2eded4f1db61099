import { describe, expect, it } from 'vitest'
import { Breaker } from './breaker.ts'

const START = 1000
const FAILURES_TO_OPEN = 10
const TRIAL_INTERVAL_MS = 1000
function opened(): Breaker {
  const breaker = new Breaker()
  for (let n = 0; n < FAILURES_TO_OPEN; n++) breaker.failed('no answer')
  return breaker
}

describe('Breaker', () => {
  it('lets everything through until there were ten failures in a row', () => {
    const breaker = new Breaker()
    for (let n = 0; n < FAILURES_TO_OPEN - 1; n++) breaker.failed('no answer')
    expect(breaker.admit(START)).toEqual({ go: true })
    breaker.answered()
    for (let n = 0; n < FAILURES_TO_OPEN - 1; n++) breaker.failed('no answer')
    expect(breaker.isOpen).toBe(false)
    breaker.failed('gone')
    expect([breaker.isOpen, breaker.lastFailure]).toEqual([true, 'gone'])
  })

  it('lets one through at a time, one per second', () => {
    const breaker = opened()
    expect(breaker.admit(START)).toEqual({ go: true })
    expect(breaker.admit(START)).toEqual({ go: false, atMs: START + TRIAL_INTERVAL_MS })
    breaker.failed('no answer')
    expect(breaker.admit(START + TRIAL_INTERVAL_MS - 1)).toEqual({ go: false, atMs: START + TRIAL_INTERVAL_MS })
    expect(breaker.admit(START + TRIAL_INTERVAL_MS)).toEqual({ go: true })
    // that one hangs: no other joins it
    expect(breaker.admit(START + 10 * TRIAL_INTERVAL_MS).go).toBe(false)
    breaker.gaveUp()
    expect(breaker.admit(START + 10 * TRIAL_INTERVAL_MS).go).toBe(true)
    // nor is it waited for without an end
    expect(breaker.admit(START + 40 * TRIAL_INTERVAL_MS - 1).go).toBe(false)
    expect(breaker.admit(START + 40 * TRIAL_INTERVAL_MS).go).toBe(true)
  })

  it('tries on when the clock was set back by hours, whether or not an attempt was under way', () => {
    const back = START - 5 * 3_600_000
    const breaker = opened()
    expect(breaker.admit(START)).toEqual({ go: true })
    breaker.failed('no answer')
    expect(breaker.admit(back)).toEqual({ go: false, atMs: back + TRIAL_INTERVAL_MS })
    expect(breaker.admit(back + TRIAL_INTERVAL_MS)).toEqual({ go: true })
    const lost = opened()
    expect(lost.admit(START)).toEqual({ go: true })
    expect(lost.admit(back).go).toBe(false)
    expect(lost.admit(back + 30 * TRIAL_INTERVAL_MS)).toEqual({ go: true })
  })

  it('closes with the first answer', () => {
    const breaker = opened()
    breaker.admit(START)
    breaker.answered()
    expect([breaker.admit(START), breaker.admit(START)]).toEqual([{ go: true }, { go: true }])
  })
})
