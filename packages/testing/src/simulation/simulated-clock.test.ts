import { expect, test } from 'vitest'
import { seededRandom } from '../seeded-random.ts'
import { ProcessClock, SimulatedClock } from './simulated-clock.ts'

test('timers fire in the order of their times, then of their setting', async () => {
  const clock = new SimulatedClock(0)
  const random = seededRandom(1)
  const times = Array.from({ length: 500 }, () => Math.floor(random() * 50))
  const fired: [number, number][] = []
  times.forEach((atMs, order) =>
    clock.setTimer(atMs, () => {
      expect(clock.nowMs()).toBe(atMs)
      fired.push([atMs, order])
    })
  )
  await clock.advance(100)
  const expected = times.map((atMs, order): [number, number] => [atMs, order])
  expect(fired).toEqual(expected.sort(([a, i], [b, j]) => a - b || i - j))
  expect(clock.nowMs()).toBe(100)
  expect(clock.pending).toBe(0)
})

test('work that a timer causes comes before the next timer', async () => {
  const clock = new SimulatedClock(0)
  const seen: string[] = []
  clock.setTimer(1, () => {
    void (async () => {
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
      seen.push('work of the first')
      clock.soon(() => seen.push('soon'))
    })()
  })
  clock.setTimer(2, () => seen.push('second'))
  await clock.advance(5)
  expect(seen).toEqual(['work of the first', 'soon', 'second'])
})

test('a cancelled timer does not fire, and advance can end early', async () => {
  const clock = new SimulatedClock(0)
  const seen: number[] = []
  const cancel = clock.setTimer(1, () => seen.push(1))
  clock.setTimer(2, () => seen.push(2))
  clock.setTimer(3, () => seen.push(3))
  cancel()
  expect(clock.pending).toBe(2)
  await clock.advance(10, () => seen.includes(2))
  expect(seen).toEqual([2])
  expect(clock.nowMs()).toBe(2)
  await clock.advance(10)
  expect(seen).toEqual([2, 3])
})

test('a process knows its timers, and they die with it', async () => {
  const clock = new SimulatedClock(0)
  const process = new ProcessClock(clock)
  const seen: string[] = []
  process.setTimer(1, () => seen.push('alive'))
  process.setTimer(5, () => seen.push('dead'))
  expect(process.pending).toBe(2)
  await clock.advance(2)
  expect(process.pending).toBe(1)
  process.kill()
  process.setTimer(6, () => seen.push('after death'))
  await clock.advance(10)
  expect(seen).toEqual(['alive'])
  expect(clock.pending).toBe(0)
})

test('it is set as the clock of a machine: timers keep their distance, and time goes on as before', async () => {
  const clock = new SimulatedClock(10_000)
  const fired: number[] = []
  for (const atMs of [10_020, 10_010]) clock.setTimer(atMs, () => fired.push(clock.nowMs()))
  clock.set(-9_000)
  await clock.advance(30)
  expect([fired, clock.nowMs(), clock.elapsedMs]).toEqual([[1_010, 1_020], 1_030, 10_030])
})
