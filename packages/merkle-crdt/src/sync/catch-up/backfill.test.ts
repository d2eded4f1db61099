import { ManualClock, MemoryDatastore, memoryLogger } from '@cluster/testing'
import { expect, test } from 'vitest'
import { createNode, DagBlocks } from '../../index.ts'
import { Layout } from '../../store/layout.ts'
import { Backfill } from './backfill.ts'
import { DEFAULT_CATCH_UP_LIMITS } from './limits.ts'

test('other bytes than were asked for are no block: it is asked for again', async () => {
  const [storage, clock, layout] = [new MemoryDatastore(), new ManualClock(), new Layout('/c')]
  const node = createNode({ elements: [], tombstones: [], priority: 1n }, [])
  const marks = [layout.processed(node.id), layout.backfill()]
  await storage.commit(
    marks.map((key) => ({ put: { key, value: new Uint8Array() } })),
    { durable: true }
  )
  const answers = [Uint8Array.of(1, 2, 3), node.bytes]
  const stop = new AbortController()
  const backfill = new Backfill({
    storage,
    layout,
    clock,
    blocks: new DagBlocks(storage, '/c'),
    exchange: {
      put: () => Promise.resolve(),
      createSession: () => ({
        get: () => Promise.resolve(answers.shift() ?? new Uint8Array()),
        close: () => undefined
      })
    },
    random: () => 0,
    isCollecting: true,
    log: memoryLogger(),
    signal: stop.signal,
    limits: DEFAULT_CATCH_UP_LIMITS,
    isWanted: true,
    inTurn: () => Promise.reject(new Error('not used')),
    rewrite: () => Promise.reject(new Error('not used')),
    heads: () => [],
    isSettled: () => true,
    link: () => Promise.resolve(undefined),
    failed: () => undefined
  })
  await backfill.load(stop.signal)
  const done = backfill.run()
  await clock.advance(1000)
  expect(backfill.isDone).toBe(false)
  expect(storage.has(layout.backfill())).toBe(true)
  await clock.advance(30_000)
  await done
  expect(backfill.stats).toEqual({ isDone: true, fetched: 1 })
  expect(storage.get(layout.block(node.id))).toEqual(node.bytes)
  expect(storage.has(layout.backfill())).toBe(false)
})
