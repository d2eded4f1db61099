import { ManualClock } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { Turns } from './turns.ts'

function turnsOn(clock: ManualClock): Turns {
  return new Turns(clock, { hasWork: () => false, next: () => undefined, rested: () => undefined })
}

describe('turns that were stopped', () => {
  test('a pause that runs is ended: no timer is left', () => {
    const clock = new ManualClock()
    const turns = turnsOn(clock)
    turns.pause()
    expect(clock.pending).toBe(1)
    turns.stop()
    expect(clock.pending).toBe(0)
  })

  test('a turn that fails at the end begins no pause', () => {
    const clock = new ManualClock()
    const turns = turnsOn(clock)
    turns.stop()
    turns.pause()
    expect(clock.pending).toBe(0)
  })
})

test('of two failures in a row, the second begins the pause anew', async () => {
  const clock = new ManualClock()
  const turns = turnsOn(clock)
  turns.pause(1000)
  turns.pause(2000)
  expect(clock.pending).toBe(1)
  await clock.advance(2000)
  expect(clock.pending).toBe(0)
})
