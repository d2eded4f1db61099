import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIRST_RETRY_MS, MAX_RETRY_MS, retryAtMs, RetrySchedule } from './retry-schedule.ts'

describe('retryAtMs', () => {
  it('doubles the wait up to an hour, and spreads it', () => {
    const waits = [0, 1, 2, 3, 6, 7, 100].map((attempts) => retryAtMs(attempts, 5, () => 0) - 5)
    const first = FIRST_RETRY_MS
    expect(waits).toEqual([first, first, 2 * first, 4 * first, 32 * first, MAX_RETRY_MS, MAX_RETRY_MS])
    expect(retryAtMs(1, 0, () => 0.5)).toBe(1.1 * first)
  })
})

describe('RetrySchedule', () => {
  it('gives what is due, earliest first, each once, by its latest time', () => {
    const change = fc.tuple(
      fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      fc.option(fc.nat({ max: 20 }), { nil: undefined })
    )
    fc.assert(
      fc.property(fc.array(change), fc.nat({ max: 20 }), (changes, nowMs) => {
        const schedule = new RetrySchedule(5)
        const model = new Map<string, number>()
        for (const [key, atMs] of changes) {
          if (atMs === undefined) {
            schedule.delete(key)
            model.delete(key)
          } else {
            schedule.set(key, atMs)
            model.set(key, atMs)
          }
        }
        expect(schedule.size).toBe(model.size)
        expect(schedule.nextMs).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
        const taken: string[] = []
        for (let key = schedule.takeDue(nowMs); key !== undefined; key = schedule.takeDue(nowMs)) taken.push(key)
        const times = taken.map((key) => model.get(key) ?? Infinity)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        expect(taken.toSorted()).toEqual([...model].flatMap(([key, atMs]) => (atMs <= nowMs ? [key] : [])).sort())
        expect(schedule.isComplete).toBe(true)
      })
    )
  })

  it('turns away what it has no room for, and says so until it is reset', () => {
    const schedule = new RetrySchedule(2)
    for (const key of ['a', 'b', 'c']) schedule.set(key, 1)
    schedule.set('a', 5)
    expect([schedule.size, schedule.isComplete, schedule.nextMs]).toEqual([2, false, 1])
    schedule.reset()
    expect([schedule.size, schedule.isComplete, schedule.nextMs]).toEqual([0, true, undefined])
  })

  it('does not grow when times are set anew again and again', () => {
    const schedule = new RetrySchedule(2)
    for (let i = 0; i < 1000; i++) schedule.set(i % 2 === 0 ? 'a' : 'b', 1000 - i)
    expect([schedule.takeDue(1000), schedule.takeDue(1000), schedule.takeDue(1000)]).toEqual(['b', 'a', undefined])
  })
})
