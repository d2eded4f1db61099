import { expect, it } from 'vitest'
import { ManualClock } from './manual-clock.ts'

it('fires timers in order of time, then of setting, also those that others set, and lets work settle between', async () => {
  const clock = new ManualClock(0)
  const log: string[] = []
  const note = (text: string) => () => {
    log.push(`${clock.nowMs()} ${text}`)
  }
  clock.setTimer(20, note('second'))
  clock.setTimer(10, () => {
    note('first')()
    void Promise.resolve().then(note('work of first'))
    clock.setTimer(20, note('set by first'))
    clock.soon(note('soon'))
  })
  const cancel = clock.setTimer(15, note('cancelled'))
  clock.setTimer(31, note('later'))
  cancel()
  await clock.advance(30)
  expect(log).toEqual(['10 first', '10 work of first', '10 soon', '20 second', '20 set by first'])
  expect(clock.nowMs()).toBe(30)
  expect([clock.pending, clock.nextMs]).toEqual([1, 31])
})

it('is set as the clock of a machine: timers keep their distance', async () => {
  const clock = new ManualClock(10_000)
  const fired: number[] = []
  clock.setTimer(10_020, () => fired.push(clock.nowMs()))
  clock.set(-9_000)
  await clock.advance(19)
  expect(fired).toEqual([])
  await clock.advance(1)
  expect(fired).toEqual([1_020])
})
