import { MemoryBlocks, testBlock } from '@cluster/testing'
import { expect, it } from 'vitest'
import { createBlockService } from './block-service.ts'
import { WantlistFullError } from './errors.ts'
import type { Bitswap, BitswapSession } from './interface.ts'

it('tells of a block that was not asked for because there are too many wants', async () => {
  const session: Partial<BitswapSession> = {
    want: () => Promise.reject(new WantlistFullError('more than 3 wants')),
    close: () => undefined
  }
  const bitswap = { createSession: () => session } as Partial<Bitswap> as Bitswap
  const told: string[] = []
  const service = createBlockService({
    blockstore: new MemoryBlocks(),
    bitswap,
    onLimit: ({ message }) => told.push(message)
  })
  await expect(service.get(testBlock('far away').cid)).rejects.toMatchObject({ code: 'LIMIT' })
  expect(told).toEqual(['bitswap: more than 3 wants'])
})
