import type { MemoryDatastore } from '@cluster/testing'
import { Key } from 'interface-datastore'
import { describe, expect, test } from 'vitest'
import type { StorageOperation } from '../../index.ts'
import { CrashDisk } from './crash-disk.fixture.ts'
import { Scene, settleWith, withoutDead, type Member } from './scene.fixture.ts'

const STATE = new Key('/c/ts/s/state')
const VALUE = Uint8Array.of(1)
const NO_BLOCKS = /^\/c\/(ts|bs|b\/blocks)/

async function sceneWithHistory(): Promise<{ scene: Scene; old: Member }> {
  const scene = new Scene()
  const old = await scene.open('old')
  await old.pin(120)
  return { scene, old }
}

async function expectEqual(a: Member, b: Member): Promise<void> {
  expect(withoutDead(await a.content(NO_BLOCKS))).toEqual(withoutDead(await b.content(NO_BLOCKS)))
}

function touches(operations: readonly StorageOperation[], prefix: string): boolean {
  return operations.some((one) => ('put' in one ? one.put.key : one.delete).toString().startsWith(prefix))
}

/** A store that was killed after it wrote elements of a snapshot; `/mine` was acknowledged and waits for its block. */
async function crashInElements(scene: Scene, old: Member): Promise<MemoryDatastore> {
  const disk = new CrashDisk()
  const batching = { maxSize: 100, maxAgeMs: 60_000, maxQueue: 100 }
  const fresh = await scene.open('fresh', {
    batching,
    onCommit: (operations, durable) => {
      disk.hook(operations, durable)
      if (touches(operations, '/c/s/s/')) disk.crashAt = 0
    }
  })
  await fresh.store.commit([{ type: 'put', key: '/mine', value: VALUE }])
  await old.announceTo(fresh)
  await scene.clock.advance(1000)
  expect(disk.crashAt).toBe(0)
  fresh.isOnline = false
  await fresh.store.close().catch(() => undefined)
  const storage = await disk.remount('all')
  expect(storage.has(STATE)).toBe(true)
  return storage
}

describe('a snapshot that was not taken in to its end', () => {
  test.each([
    ['the protocol is turned off', { isPlain: true }],
    ['snapshots are turned off', { snapshots: false }]
  ])('%s: the store begins anew, and keeps what was acknowledged, then and later', async (_why, off) => {
    const { scene, old } = await sceneWithHistory()
    const storage = await crashInElements(scene, old)
    const plain = await scene.open('fresh', { storage, ...off })
    expect(
      (await plain.content(/^\/c\/(bs|crdt_version|d$|b\/blocks|ts\/indexed|ts\/q)/)).map((line) => line.split('=')[0])
    ).toEqual([])
    expect(await plain.store.get('/k3')).toBeUndefined()
    await plain.store.commit([{ type: 'put', key: '/later', value: VALUE }])
    expect(await plain.store.get('/mine')).toEqual(VALUE)
    await plain.store.close()
    const again = await scene.open('fresh', { storage })
    expect(again.store.catchUp?.snapshot.isTakingIn).toBe(false)
    await settleWith(scene, again, old)
    expect(await old.store.get('/mine')).toEqual(VALUE)
    expect(await old.store.get('/later')).toEqual(VALUE)
    await expectEqual(again, old)
    await scene.close()
  })

  test('somebody else used the folder since then: what they wrote stays, and gaps are repaired', async () => {
    const { scene, old } = await sceneWithHistory()
    const storage = await crashInElements(scene, old)
    const state = storage.get(STATE)
    storage.delete(STATE)
    const other = await scene.open('fresh', { storage, isPlain: true })
    await other.store.commit([{ type: 'put', key: '/theirs', value: VALUE }])
    await other.store.close()
    storage.put(STATE, state)
    const again = await scene.open('fresh', { storage })
    expect(again.store.catchUp?.snapshot.isTakingIn).toBe(false)
    expect(again.store.catchUp?.isArchive).toBe(false)
    expect(await again.store.get('/theirs')).toEqual(VALUE)
    expect((await again.store.stats()).isDirty).toBe(true)
    await settleWith(scene, again, old)
    expect(await again.store.repair()).toBe(true)
    expect(await old.store.get('/theirs')).toEqual(VALUE)
    await expectEqual(again, old)
    await scene.close()
  })

  test('readers that wait for it are told when the store is closed', async () => {
    const { scene, old } = await sceneWithHistory()
    const storage = await crashInElements(scene, old)
    old.isOnline = false
    const fresh = await scene.open('fresh', { storage })
    const read = expect(fresh.store.get('/k3')).rejects.toMatchObject({ code: 'ERR_CRDT_CLOSED' })
    const list = expect(fresh.store.list().next()).rejects.toMatchObject({ code: 'ERR_CRDT_CLOSED' })
    await scene.clock.advance(100)
    await fresh.store.close()
    await Promise.all([read, list])
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })
})

describe('a datastore that fails while a snapshot is taken in', () => {
  test('at each write once: no turn is made over half of it, and its last step is not done twice', async () => {
    for (let failAt = 0, isBehind = false; !isBehind; failAt += 1) {
      const { scene, old } = await sceneWithHistory()
      let writes = 0
      let isTaken = false
      const fresh = await scene.open('fresh', {
        archive: false,
        onCommit: (operations) => {
          if (!touches(operations, STATE.toString()) && writes === 0) return
          const isLast = operations.some((one) => 'delete' in one && one.delete.toString() === STATE.toString())
          const isDropping = isTaken && touches(operations, '/c/ts/s/')
          if (isTaken && !isDropping) return
          writes += 1
          if (writes - 1 === failAt) throw new Error('no space left')
          isTaken ||= isLast
        }
      })
      await old.announceTo(fresh)
      const mine = fresh.store.commit([{ type: 'put', key: '/mine', value: VALUE }]).catch(() => undefined)
      await scene.clock.advance(20_000)
      await mine
      isBehind = writes <= failAt
      await settleWith(scene, fresh, old)
      await scene.clock.advance(20_000)
      expect((await fresh.store.stats()).heads).toEqual((await old.store.stats()).heads)
      await expectEqual(fresh, old)
      expect(fresh.store.growth).toBe((await old.content(/^(?!\/c\/s\/k\/.*\/v$)/)).length)
      await fresh.store.close()
      const again = await scene.open('fresh', { storage: fresh.storage })
      expect((await again.content(/^(?!\/c\/ts\/s)/)).length).toBe(0)
      await scene.close()
    }
  }, 60_000)

  test('its last write comes to the disk, though it is said to have failed', async () => {
    const { scene, old } = await sceneWithHistory()
    const fresh = await scene.open('fresh', { archive: false })
    const commit = fresh.storage.commit.bind(fresh.storage)
    let failures = 0
    fresh.storage.commit = async (operations, options) => {
      await commit(operations, options)
      if (!operations.some((one) => 'delete' in one && one.delete.toString() === STATE.toString())) return
      failures += 1
      throw new Error('no answer')
    }
    await old.announceTo(fresh)
    await scene.clock.advance(20_000)
    expect(failures).toBe(1)
    expect(fresh.store.catchUp?.snapshot).toMatchObject({ taken: 1, isTakingIn: false, keys: 120 })
    expect(fresh.store.growth).toBe(120)
    await fresh.store.commit([{ type: 'put', key: '/mine', value: VALUE }])
    await scene.clock.advance(20_000)
    expect((await fresh.store.stats()).heads).toHaveLength(1)
    await settleWith(scene, fresh, old)
    await expectEqual(fresh, old)
    await scene.close()
  })
})

test('a key whose additions fill several pages counts once', async () => {
  const { scene, old } = await sceneWithHistory()
  for (let index = 0; index < 200; index += 1) {
    await old.store.commit([{ type: 'put', key: '/same', value: Uint8Array.of(index) }])
  }
  const fresh = await scene.open('fresh', { archive: false })
  await old.announceTo(fresh)
  await fresh.store.idle()
  expect(fresh.store.catchUp?.snapshot).toMatchObject({ taken: 1, keys: 121 })
  expect(fresh.store.growth).toBe(121)
  await scene.close()
})

test('an empty store among peers without the protocol waits once for word of it, and reads and writes at once', async () => {
  const scene = new Scene()
  const old = await scene.open('old', { isPlain: true })
  await old.pin(3)
  const fresh = await scene.open('fresh')
  await old.announceTo(fresh)
  await scene.clock.advance(1000)
  expect(fresh.fetched).toBe(0)
  expect(await fresh.store.get('/k1')).toBeUndefined()
  for await (const page of fresh.store.list()) expect(page).toEqual([])
  await scene.clock.advance(1100)
  expect(fresh.fetched).toBe(3)
  fresh.isKnown = false
  // as long as it is empty it would wait, but not again
  const second = await scene.open('second')
  old.isServing = false
  await old.announceTo(second)
  await scene.clock.advance(2100)
  await old.pin(1, '/new')
  await old.announceTo(second)
  old.isServing = true
  await scene.clock.advance(100)
  expect(second.fetched).toBeGreaterThan(0)
  second.isKnown = false
  // writes come with no wait of simulated time at all
  const third = await scene.open('third')
  await old.announceTo(third)
  await third.store.commit([{ type: 'put', key: '/mine', value: VALUE }])
  expect(await third.store.get('/mine')).toEqual(VALUE)
  expect(third.fetched).toBe(0)
  await scene.close()
})
