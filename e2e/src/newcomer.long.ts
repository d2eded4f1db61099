import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { expectNoNewStart } from './scenarios/expect-no-new-start.ts'
import { newcomer } from './scenarios/newcomer.ts'

const {
  E2E_PINS = '100000',
  E2E_PINS_PER_BLOCK = '1',
  E2E_KILLS = '3',
  E2E_SEED = randomBytes(8).toString('hex')
} = process.env

it('a newcomer that is killed on the way goes on where it was', async () => {
  const pins = Number(E2E_PINS)
  const init = { pins, pinsPerBlock: Number(E2E_PINS_PER_BLOCK), kills: Number(E2E_KILLS), seed: E2E_SEED, seconds: 60 }
  console.log('newcomer:', init)
  const result = await newcomer(init)
  console.log('newcomer:', result)
  expect(result).toMatchObject({ pins, areEqual: true })
  expectNoNewStart(result)
})
