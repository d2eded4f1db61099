import { ManualClock, MemoryDatastore, memoryLogger, RemoteBlocks, seededRandom, settle } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { createNode, DagBlocks, encodeBroadcast, MerkleCrdt, type DeltaNode } from '../index.ts'

/** A chain of blocks, oldest first, each with one key. */
function chain(length: number): DeltaNode[] {
  const nodes: DeltaNode[] = []
  for (let height = 1; height <= length; height += 1) {
    const value = new TextEncoder().encode(`value ${height}`)
    const delta = { elements: [{ key: `/k${height}`, value }], tombstones: [], priority: BigInt(height) }
    const parent = nodes.at(-1)
    nodes.push(createNode(delta, parent === undefined ? [] : [parent.cid]))
  }
  return nodes
}

/** A replica that hears of a head; `commits` counts its durable writes. */
async function sync(nodes: readonly DeltaNode[]): Promise<{
  store: MerkleCrdt
  clock: ManualClock
  remote: RemoteBlocks
  commits: () => number
}> {
  let commits = 0
  const storage = new MemoryDatastore({
    onCommit: () => {
      commits += 1
    }
  })
  const blocks = new DagBlocks(storage, '/c')
  const [clock, remote] = [new ManualClock(), new RemoteBlocks()]
  remote.add(...nodes)
  const head = nodes.at(-1)
  if (head === undefined) throw new Error('an empty chain')
  const store = await MerkleCrdt.open({
    storage,
    namespace: '/c',
    blocks,
    exchange: remote.over(blocks),
    broadcaster: {
      broadcast: () => Promise.resolve(),
      messages: async function* () {
        await Promise.resolve()
        yield encodeBroadcast([head.cid])
      }
    },
    clock,
    random: seededRandom(1),
    log: memoryLogger(),
    repairIntervalMs: 0
  })
  return { store, clock, remote, commits: () => commits }
}

describe('blocks fetched ahead of their merge', () => {
  test('a chain costs few durable writes, and each block is asked for once', async () => {
    const { store, clock, remote, commits } = await sync(chain(500))
    for (let round = 0; round < 40; round += 1) await clock.advance(20)
    await store.idle()
    expect(await store.stats()).toMatchObject({ merged: 500, maxHeight: 500n, queuedJobs: 0 })
    expect(remote.asked).toHaveLength(500)
    expect(new Set(remote.asked).size).toBe(500)
    expect(commits()).toBeLessThan(50)
    await store.close()
    expect(clock.pending).toBe(0)
  })

  test('a block that is missing far below holds up none of those above it', async () => {
    const nodes = chain(20)
    const [first, second, ...rest] = nodes
    if (first === undefined || second === undefined) throw new Error('too short')
    const { store, clock, remote } = await sync(rest)
    for (let round = 0; round < 5; round += 1) await clock.advance(20)
    expect(await store.stats()).toMatchObject({ merged: 18, queuedJobs: 1 })
    remote.add(first, second)
    for (let round = 0; round < 10; round += 1) await clock.advance(60_000)
    expect(await store.stats()).toMatchObject({ merged: 20, queuedJobs: 0 })
    expect((await store.stats()).heads).toHaveLength(1)
    await store.close()
  })

  test('closing in the middle of a walk leaves no timer behind', async () => {
    const { store, clock } = await sync(chain(300))
    await settle()
    await store.close()
    expect(clock.pending).toBe(0)
  })
})
