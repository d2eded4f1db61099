import { plainConsensusHealth } from '@cluster/api'
import { expect, it } from 'vitest'
import { consensusHealth } from './consensus-health.ts'

it('says what the consensus says, with the signal of who asks', async () => {
  const { signal } = new AbortController()
  const health = plainConsensusHealth('log', 'syncing', 'three entries behind')
  const asked: unknown[] = []
  const consensus = {
    health: (options: object) => {
      asked.push(options)
      return Promise.resolve(health)
    }
  }
  expect(await consensusHealth(consensus, { signal })).toBe(health)
  expect(asked).toEqual([{ signal }])
})

it('says of a consensus that tells nothing that it tells nothing', async () => {
  const { state, reason } = await consensusHealth({}, {})
  expect(state).toBe('unknown')
  expect(reason).toContain('does not tell')
})
