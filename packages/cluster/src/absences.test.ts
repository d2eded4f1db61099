import { testPeerId } from '@cluster/testing'
import { expect, it } from 'vitest'
import { createAbsences } from './absences.ts'

const [first, second] = [testPeerId(1), testPeerId(2)]

it('tells a short absence from a loss, and forgets it when the peer returns', () => {
  const absences = createAbsences(60_000)
  expect(absences.look(first, true, 0)).toBe('there')
  expect(absences.look(first, false, 1_000)).toBe('away')
  expect(absences.look(first, false, 60_999)).toBe('away')
  expect(absences.look(first, true, 61_000)).toBe('there')
  expect(absences.look(first, false, 61_500)).toBe('away')
  expect(absences.look(second, false, 61_500)).toBe('away')
  expect(absences.look(first, false, 121_500)).toBe('lost')
  expect(absences.missing()).toBe(2)
})

it('counts on when our clock was set back', () => {
  const absences = createAbsences(60_000)
  expect(absences.look(first, false, 10_000_000)).toBe('away')
  expect(absences.look(first, false, 1_000)).toBe('away')
  expect(absences.look(first, false, 61_000)).toBe('lost')
})

it('knows no grace where there is none', () => {
  expect(createAbsences(0).look(first, false, 5)).toBe('lost')
})
