import { ManualClock } from '@cluster/testing'
import { expect, it } from 'vitest'
import { createRateLimit } from './rate-limit.ts'

it('spreads turns over the minute', async () => {
  const clock = new ManualClock(0)
  const limit = createRateLimit(clock, 60)
  const turns: number[] = []
  const { signal } = new AbortController()
  const all = Promise.all([1, 2, 3].map(() => limit.turn(signal).then(() => turns.push(clock.nowMs()))))
  await clock.advance(500)
  expect(turns).toEqual([0])
  await clock.advance(5_000)
  expect(turns).toEqual([0, 1_000, 2_000])
  await all
})

it('keeps nothing waiting for hours because the clock was set back', async () => {
  const clock = new ManualClock(10_000_000)
  const limit = createRateLimit(clock, 60)
  const { signal } = new AbortController()
  await limit.turn(signal)
  clock.set(-5_000_000)
  let turns = 0
  const all = Promise.all([1, 2].map(() => limit.turn(signal).then(() => (turns += 1))))
  await clock.advance(2_000)
  expect(turns).toBe(2)
  await all
})

it('is none at 0, and ends with its signal', async () => {
  const clock = new ManualClock(0)
  const own = new AbortController()
  const free = createRateLimit(clock, 0)
  for (let turn = 0; turn < 1_000; turn += 1) await free.turn(own.signal)
  const limit = createRateLimit(clock, 1)
  await limit.turn(own.signal)
  const second = limit.turn(own.signal)
  own.abort()
  await expect(second).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(limit.turn(own.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  expect(clock.pending).toBe(0)
})
