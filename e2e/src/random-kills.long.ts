import { expect, it } from 'vitest'
import { randomKills } from './scenarios/random-kills.ts'

const {
  E2E_MINUTES = '5',
  E2E_SEED = (Date.now() % 2 ** 31).toString(),
  E2E_WRITERS = '64',
  E2E_PEERS = '5'
} = process.env

it('peers under load that are killed at random keep all that they acknowledged', async () => {
  const init = {
    peers: Number(E2E_PEERS),
    writers: Number(E2E_WRITERS),
    seconds: Number(E2E_MINUTES) * 60,
    seed: Number(E2E_SEED)
  }
  console.log('random kills:', init)
  const result = await randomKills(init)
  console.log('random kills:', result)
  expect(Object.values(result.missing)).toEqual(Array.from({ length: init.peers }, () => 0))
  expect(result.areEqual).toBe(true)
  expect(result.acknowledged).toBeGreaterThan(0)
  expect(result.kills).toBeGreaterThan(0)
})
