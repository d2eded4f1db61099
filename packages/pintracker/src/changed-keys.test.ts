import { expect, it } from 'vitest'
import { ChangedKeys } from './changed-keys.ts'

it('knows what changed, until it is too much', () => {
  let isOpen = true
  const changed = new ChangedKeys(() => {
    isOpen = false
  })
  changed.note('A')
  expect([changed.has('A'), changed.has('B'), changed.isFull]).toEqual([true, false, false])
  for (let at = 0; at < 65_536; at += 1) changed.note(String(at))
  expect([changed.has('A'), changed.isFull]).toEqual([true, true])
  changed.end()
  expect(isOpen).toBe(false)
})
