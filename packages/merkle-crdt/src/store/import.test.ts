import { ManualClock, MemoryDatastore, memoryLogger, seededRandom } from '@cluster/testing'
import { expect, test } from 'vitest'
import { DagBlocks, MerkleCrdt, previewImport, type CrdtPair } from '../index.ts'

const pairs = Array.from({ length: 2500 }, (_, index): CrdtPair => ({
  key: `/k${index.toString().padStart(5, '0')}`,
  value: new Uint8Array(1000).fill(index)
}))
async function* pages(size: number): AsyncGenerator<readonly CrdtPair[]> {
  for (let at = 0; at < pairs.length; at += size) yield await Promise.resolve(pairs.slice(at, at + size))
}

test('a preview tells the head that the import makes, whatever the pages are', async () => {
  const storage = new MemoryDatastore()
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks: new DagBlocks(storage, '/c'),
    clock: new ManualClock(),
    random: seededRandom(1),
    log: memoryLogger(),
    repairIntervalMs: 0
  })
  expect(await store.import(pages(7))).toBe(2500)
  const { heads } = await store.stats()
  await store.close()
  const preview = await previewImport(pages(1000))
  expect(preview).toEqual({ head: heads[0], blocks: 3, keys: 2500 })
})

test('a preview of nothing has no head', async () => {
  async function* nothing(): AsyncGenerator<readonly CrdtPair[]> {
    await Promise.resolve()
    yield []
  }
  expect(await previewImport(nothing())).toEqual({ head: undefined, blocks: 0, keys: 0 })
})
