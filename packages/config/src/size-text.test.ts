import { expect, it } from 'vitest'
import { parseSize } from './size-text.ts'

it('sizes are read as Kubo reads them', () => {
  expect(['0', '10GB', '10 gib', '1.5K', '7B', '1TiB'].map(parseSize)).toEqual([
    0,
    10_000_000_000,
    10 * 2 ** 30,
    1500,
    7,
    2 ** 40
  ])
  for (const bad of ['', 'GB', '-1', '1 XB', '1e3', '99999999TB']) expect(parseSize(bad)).toBeUndefined()
})
