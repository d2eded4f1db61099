import { expect, it } from 'vitest'
import { byName } from './name-order.ts'

it('orders names by their bytes', () => {
  const names = [
    'b',
    'a',
    'a.txt',
    'A',
    'ä',
    '\u{1F600}',
    '\uFF5E',
    'a\u{1F600}',
    'a\uFF5E',
    '',
    'a-',
    '\u{1F601}x',
    'a/'
  ]
  const wanted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  expect([...names].sort(byName)).toEqual(wanted)
  expect(byName('a', 'a')).toBe(0)
})
