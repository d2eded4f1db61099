import { expect, it } from 'vitest'
import { randomKills } from './scenarios/random-kills.ts'

it(
  'five peers under load that are killed at random keep all that they acknowledged',
  { timeout: 150_000 },
  async () => {
    const seed = Number(process.env['E2E_SEED'] ?? Date.now() % 2 ** 31)
    const result = await randomKills({ peers: 5, writers: 64, seconds: 20, seed })
    expect(result, `E2E_SEED=${seed.toString()}`).toMatchObject({
      missing: { peer0: 0, peer1: 0, peer2: 0, peer3: 0, peer4: 0 },
      areEqual: true
    })
    expect(result.acknowledged).toBeGreaterThan(0)
    expect(result.kills).toBeGreaterThan(0)
  }
)
