import { expect, it } from 'vitest'
import { Removals } from './removals.ts'

it('knows what was removed, and when there is too much of it, that anything may have been', () => {
  let isOpen = true
  const removals = new Removals(() => {
    isOpen = false
  })
  removals.note('A')
  expect([removals.mayHave('A'), removals.mayHave('B')]).toEqual([true, false])
  for (let at = 0; at < 65_536; at += 1) removals.note(String(at))
  expect(removals.mayHave('B')).toBe(true)
  removals.end()
  expect(isOpen).toBe(false)
})
