import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { expectNoNewStart } from './scenarios/expect-no-new-start.ts'
import { newcomer } from './scenarios/newcomer.ts'

/** In blocks of a batch: so few of these that no snapshot is taken, and what arrives is merged one after the other. */
const PINS = 20_000

it('a newcomer that is killed on the way goes on where it was', { timeout: 240_000 }, async () => {
  const seed = randomBytes(8).toString('hex')
  const result = await newcomer({ pins: PINS, pinsPerBlock: 50, kills: 3, seed, seconds: 8 })
  expect(result, JSON.stringify(result)).toMatchObject({ pins: PINS, areEqual: true })
  expectNoNewStart(result)
})
