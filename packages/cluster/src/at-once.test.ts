import { settle } from '@cluster/testing'
import { expect, it } from 'vitest'
import { forEachAtOnce, mapAtOnce } from './at-once.ts'

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number += 1) yield await Promise.resolve(number)
}

it('works on a bounded number of items, and gives what becomes of each', async () => {
  let running = 0
  let most = 0
  const work = async (number: number): Promise<number> => {
    running += 1
    most = Math.max(most, running)
    await settle()
    running -= 1
    return number * 2
  }
  const results = await Array.fromAsync(mapAtOnce(numbers(20), 4, work))
  expect(results.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index * 2))
  expect(most).toBe(4)
})

it('throws the first failure, after what was begun has ended', async () => {
  let ended = 0
  const work = async (number: number): Promise<void> => {
    await settle()
    if (number === 1) throw new Error('one')
    ended += 1
  }
  await expect(forEachAtOnce(numbers(10), 3, work)).rejects.toThrow('one')
  expect(ended).toBeGreaterThan(0)
  expect(ended).toBeLessThan(9)
})

it('pulls nothing more when it is broken off', async () => {
  const pulled: number[] = []
  const work = (number: number): Promise<number> => {
    pulled.push(number)
    return Promise.resolve(number)
  }
  for await (const number of mapAtOnce(numbers(100), 2, work)) if (number >= 3) break
  expect(pulled.length).toBeLessThan(10)
})
