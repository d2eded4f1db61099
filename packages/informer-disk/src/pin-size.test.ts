import { expect, it } from 'vitest'
import { PinSize } from './pin-size.ts'

const growing = (size: PinSize, at: bigint, pins: number): bigint => {
  for (let n = 0; n < pins; n++) size.pinned()
  size.measured(at)
  return size.mean
}

it('is what the repository grew by per pin', () => {
  const size = new PinSize()
  expect(growing(size, 5000n, 3)).toBe(0n) // what was before is not known
  expect(growing(size, 5100n, 0)).toBe(0n) // something came that was no pin
  expect(growing(size, 5400n, 3)).toBe(100n)
  expect(growing(size, 5900n, 1)).toBe(200n)
})

it('learns nothing where the repository shrank', () => {
  const size = new PinSize()
  growing(size, 0n, 0)
  growing(size, 100n, 1)
  expect(growing(size, 10n, 5)).toBe(100n)
  expect(growing(size, 310n, 1)).toBe(200n)
})

it('follows what is pinned lately', () => {
  const size = new PinSize()
  growing(size, 0n, 0)
  growing(size, 1_000_000n, 1000)
  expect(size.mean).toBe(1000n)
  for (let n = 1n; n <= 10n; n++) growing(size, 1_000_000n + n * 9_000_000n, 1000)
  expect(size.mean).toBeGreaterThan(8900n)
})
