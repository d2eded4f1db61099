import { itemsOf, type PinsetOperation } from '@cluster/api'
import { decodeNode, type DeltaNode } from '@cluster/merkle-crdt'
import { cidFromKey, pinFromPair } from '@cluster/state'
import { MemoryBlocks, testPeerId } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { CID } from 'multiformats/cid'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rest, World } from './crdt.fixture.ts'
import { topicName, type CrdtConsensus } from './index.ts'

interface Scene {
  readonly name: string
  readonly blocks: readonly { readonly cid: string; readonly hex: string }[]
  readonly announcements: readonly string[]
}
const file = new URL('../../testing/vectors/crdt/batching.json', import.meta.url)
const { scenes, config } = JSON.parse(readFileSync(file, 'utf8')) as {
  scenes: readonly Scene[]
  config: { max_batch_size: number; max_queue_size: number }
}
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const nodesOf = ({ blocks }: Scene): DeltaNode[] =>
  blocks.map(({ cid, hex }) => decodeNode(CID.parse(cid), bytesOf(hex)))
const sceneOf = (name: string): Scene => {
  const found = scenes.find((scene) => scene.name === name)
  if (found === undefined) throw new Error(`no scene ${name}`)
  return found
}

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
})

/** A Go peer that has all recorded blocks; returns what announces. */
async function goPeer(): Promise<(announcement: string) => Promise<void>> {
  const self = testPeerId(9)
  const blocks = new MemoryBlocks()
  for (const scene of scenes) await blocks.put(nodesOf(scene).map(({ cid, bytes }) => ({ cid, bytes })))
  world.hub.join(self).mount('go', blocks)
  const topic = world.gossip.join(self).subscribe(topicName('ipfs-cluster'))
  return async (announcement) => {
    await topic.publish(bytesOf(announcement))
    await rest()
  }
}

/** A peer of ours that has everything from before a scene. */
async function before(name: string): Promise<CrdtConsensus> {
  const announce = await goPeer()
  const consensus = await world.start(world.peer(1), {
    batching: { maxBatchSize: config.max_batch_size, maxBatchAgeMs: 2000, maxQueueSize: config.max_queue_size }
  })
  await rest()
  const last = scenes
    .slice(0, scenes.indexOf(sceneOf(name)))
    .at(-1)
    ?.announcements.at(-1)
  if (last !== undefined) await announce(last)
  return consensus
}

/** The operations that a block was made of. */
function operationsOf({ delta }: DeltaNode): PinsetOperation[] {
  const unpins = delta.tombstones.map(({ key }): PinsetOperation => ({ type: 'unpin', cid: cidFromKey(new Key(key)) }))
  const pins = delta.elements.map(({ key, value }): PinsetOperation => ({
    type: 'pin',
    pin: pinFromPair({ key: new Key(key), value })
  }))
  return [...unpins, ...pins]
}

describe('crdt/batching.json', () => {
  test.each([
    'one pin: committed by age',
    'three pins: committed by size',
    'unpin and pin of the same CID in one batch',
    'pin and unpin of other CIDs in one batch'
  ])('%s: the same operations make the block of the Go peer', async (name) => {
    const consensus = await before(name)
    for (const node of nodesOf(sceneOf(name))) {
      expect(await consensus.commit(operationsOf(node), {})).not.toContainEqual(expect.any(Error))
      await world.clock.advance(2000)
      await rest()
      const { heads } = await consensus.stats()
      expect(heads.map(String)).toEqual([node.cid.toString()])
    }
  })

  test('the same CID pinned twice in one batch: one element here, the last; of theirs the last wins', async () => {
    const name = 'the same CID pinned twice in one batch'
    const consensus = await before(name)
    const [node] = nodesOf(sceneOf(name))
    if (node === undefined) throw new Error('no block')
    const operations = operationsOf(node)
    const last = operations.at(-1)
    if (last?.type !== 'pin') throw new Error('no pin')
    const announce = await goPeer()
    await announce(sceneOf(name).announcements[0] ?? '')
    const ofTheirs = await consensus.pinset.get(last.pin.cid, {})
    expect(ofTheirs?.metadata).toEqual(last.pin.metadata)
    await consensus.commit(operations, {})
    await world.clock.advance(2000)
    expect((await consensus.pinset.get(last.pin.cid, {}))?.metadata).toEqual(last.pin.metadata)
    expect((await consensus.stats()).maxHeight).toBe(4n)
  })

  test('five unpins of the same CID at once: one tombstone, and no empty block', async () => {
    const name = 'five unpins of the same CID at once'
    const consensus = await before(name)
    const [theirs, empty] = nodesOf(sceneOf(name))
    if (theirs === undefined || empty === undefined) throw new Error('no blocks')
    expect([theirs.delta.tombstones.length, empty.delta.tombstones.length]).toEqual([3, 0])
    const [unpin] = operationsOf(theirs)
    if (unpin?.type !== 'unpin') throw new Error('no unpin')
    expect(await consensus.pinset.get(unpin.cid, {})).toBeDefined()
    const height = (await consensus.stats()).maxHeight
    await consensus.commit([unpin, unpin, unpin, unpin, unpin], {})
    await world.clock.advance(2000)
    await rest()
    expect(await consensus.pinset.get(unpin.cid, {})).toBeUndefined()
    expect((await consensus.stats()).maxHeight).toBe(height + 1n)
  })

  test('all blocks of the Go peer are taken, with the empty one, and give its pinset', async () => {
    const announce = await goPeer()
    const consensus = await world.start(world.peer(1))
    await rest()
    const expected = new Map<string, string>()
    for (const scene of scenes.filter(({ blocks }) => blocks.length > 0)) {
      for (const announcement of scene.announcements) await announce(announcement)
      for (const node of nodesOf(scene)) {
        for (const operation of operationsOf(node)) {
          if (operation.type === 'unpin') expected.delete(operation.cid.toString())
          else expected.set(operation.pin.cid.toString(), operation.pin.name)
        }
      }
    }
    const found = new Map<string, string>()
    for await (const { cid, name } of itemsOf(consensus.pinset.list({}))) found.set(cid.toString(), name)
    expect(found).toEqual(expected)
    expect(await consensus.health()).toMatchObject({ state: 'synced', headCount: 1, rejectedBlocks: 0 })
  })

  test('two pins, then an orderly stop: the announced block that nobody has holds nothing up', async () => {
    const stopped = sceneOf('two pins, then an orderly stop')
    const announce = await goPeer()
    const [context, other] = [world.peer(1), await world.start(world.peer(2))]
    const consensus = await world.start(context)
    await rest()
    await announce(stopped.announcements[0] ?? '')
    expect(await consensus.health()).toMatchObject({ state: 'syncing', queuedBlocks: 1 })
    const [first] = operationsOf(nodesOf(sceneOf('one pin: committed by age'))[0] as DeltaNode)
    if (first?.type !== 'pin') throw new Error('no pin')
    await other.commit([first], {})
    await rest()
    expect(await consensus.pinset.get(first.pin.cid, {})).toBeDefined()
    // who announced it does not serve it: it is given up, and nothing is marked
    await world.clock.advance(61_000)
    await rest()
    expect(await consensus.health()).toMatchObject({ state: 'synced', queuedBlocks: 0, dirty: false })
  })
})
