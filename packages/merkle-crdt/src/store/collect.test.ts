import { Inbox, ManualClock, MemoryDatastore, memoryLogger, RemoteBlocks, seededRandom } from '@cluster/testing'
import { expect, test } from 'vitest'
import { createNode, DagBlocks, encodeBroadcast, MerkleCrdt, type DeltaNode } from '../index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function addition(priority: number, key: string, value: string): DeltaNode {
  return createNode({ elements: [{ key, value: bytes(value) }], tombstones: [], priority: BigInt(priority) }, [])
}
function removal(priority: number, key: string, of: DeltaNode, ...parents: DeltaNode[]): DeltaNode {
  const delta = { elements: [], tombstones: [{ key, id: of.id }], priority: BigInt(priority) }
  return createNode(
    delta,
    parents.map(({ cid }) => cid)
  )
}

async function open(storage = new MemoryDatastore()) {
  const blocks = new DagBlocks(storage, '/c')
  const [remote, inbox] = [new RemoteBlocks(), new Inbox()]
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks,
    exchange: remote.over(blocks),
    broadcaster: inbox,
    clock: new ManualClock(),
    random: seededRandom(7),
    log: memoryLogger(),
    repairIntervalMs: 0
  })
  const hear = async (...nodes: DeltaNode[]): Promise<void> => {
    remote.add(...nodes)
    for (const { cid } of nodes) await inbox.deliver(encodeBroadcast([cid]))
  }
  /** Keys of elements and tombstones. */
  const left = async (): Promise<string[]> => {
    const keys: string[] = []
    for (const prefix of ['/c/s/s/', '/c/s/t/']) {
      for await (const key of storage.queryKeys({ prefix })) keys.push(key.toString())
    }
    return keys
  }
  return { store, storage, hear, left }
}

test('what was added and removed leaves nothing but its blocks', async () => {
  const { store, left } = await open()
  for (let round = 0; round < 3; round += 1) {
    await store.commit([{ type: 'put', key: '/a', value: bytes(`${round}`) }])
  }
  expect(await left()).toHaveLength(3)
  await store.commit([{ type: 'delete', key: '/a' }])
  expect(await left()).toEqual([])
  expect(await store.get('/a')).toBeUndefined()
  await store.commit([{ type: 'put', key: '/a', value: bytes('again') }])
  expect(await store.get('/a')).toEqual(bytes('again'))
  await store.close()
})

test('a tombstone stays until the block that it is about is merged, also over a restart', async () => {
  const added = addition(1, '/a', '1')
  const removed = removal(2, '/a', added)
  const { store, storage, hear, left } = await open()
  await hear(removed)
  expect(await left()).toEqual([`/c/s/t/a${added.id}`])
  await store.close()
  const again = await open(storage)
  await again.hear(added)
  expect(await again.left()).toEqual([])
  expect(await again.store.get('/a')).toBeUndefined()
  // a second removal that saw the same addition changes nothing, and leaves nothing
  await again.hear(removal(3, '/a', added, removed))
  expect(await again.left()).toEqual([])
  expect(await again.store.get('/a')).toBeUndefined()
  await again.store.close()
})

test('a concurrent addition stays, with its value', async () => {
  const [mine, theirs] = [addition(1, '/a', 'mine'), addition(1, '/a', 'theirs')]
  const { store, hear, left } = await open()
  await hear(mine, theirs, removal(2, '/a', theirs, theirs))
  expect(await store.get('/a')).toEqual(bytes('mine'))
  expect(await left()).toEqual([`/c/s/s/a${mine.id}`])
  await store.close()
})

test('a block and its removal in one turn leave nothing', async () => {
  const added = addition(1, '/a', '1')
  const removed = removal(2, '/a', added, added)
  const { store, hear, left } = await open()
  await hear(removed, added)
  expect(await left()).toEqual([])
  expect(store.status()).toMatchObject({ state: 'synced', headCount: 1 })
  await store.close()
})
