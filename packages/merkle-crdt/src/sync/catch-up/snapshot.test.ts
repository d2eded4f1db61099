import { describe, expect, test } from 'vitest'
import { CrashDisk, type Kept } from './crash-disk.fixture.ts'
import { Scene, settleWith, withoutDead, type Member, type MemberOptions } from './scene.fixture.ts'

/** All but blocks, and what is ours alone. */
const NO_BLOCKS = /^\/c\/(ts|bs|b\/blocks)/

async function sceneWithHistory(): Promise<{ scene: Scene; old: Member }> {
  const scene = new Scene()
  const old = await scene.open('old')
  await old.pin(120)
  await old.pin(20)
  for (let index = 30; index < 50; index += 1) await old.store.commit([{ type: 'delete', key: `/k${index}` }])
  return { scene, old }
}

async function expectEqual(a: Member, b: Member): Promise<void> {
  expect(withoutDead(await a.content(NO_BLOCKS))).toEqual(withoutDead(await b.content(NO_BLOCKS)))
}

describe('a snapshot for an empty store', () => {
  test('it is equal but for old blocks, and merges on in both directions', async () => {
    const { scene, old } = await sceneWithHistory()
    const fresh = await scene.open('fresh', { archive: false })
    await old.announceTo(fresh)
    await fresh.store.idle()
    expect(fresh.store.catchUp).toMatchObject({ snapshot: { taken: 1, keys: 100 }, isArchive: false })
    await expectEqual(fresh, old)
    expect(fresh.fetched).toBe(0)
    // a removal finds the next best value without old blocks
    await fresh.store.commit([{ type: 'delete', key: '/k3' }])
    await fresh.pin(5, '/new')
    await settleWith(scene, old, fresh)
    await old.store.commit([{ type: 'delete', key: '/k7' }])
    await settleWith(scene, fresh, old)
    await expectEqual(fresh, old)
    expect(await fresh.store.get('/k3')).toBeUndefined()
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })

  test('old blocks are filled in, after which both stores are the same', async () => {
    const { scene, old } = await sceneWithHistory()
    const fresh = await scene.open('fresh')
    await old.announceTo(fresh)
    await fresh.store.idle()
    expect(fresh.store.catchUp?.isArchive).toBe(false)
    await scene.clock.advance(60_000)
    expect(fresh.store.catchUp).toMatchObject({ isArchive: true, isIndexComplete: true, backfill: { isDone: true } })
    expect(withoutDead(await fresh.content())).toEqual(withoutDead(await old.content()))
    // it is as good a server as the other one now, also for a peer without the protocol
    await old.store.close()
    old.isOnline = false
    const plain = await scene.open('plain', { isPlain: true })
    await settleWith(scene, plain, fresh)
    await expectEqual(plain, fresh)
    await scene.close()
  })

  test('reads and local changes wait until it is there', async () => {
    const { scene, old } = await sceneWithHistory()
    const fresh = await scene.open('fresh', { archive: false })
    const read: number[] = []
    let isTakingIn = false
    old.tamper = (message) => {
      if (!isTakingIn) {
        isTakingIn = fresh.store.catchUp?.snapshot.isTakingIn === true
        if (isTakingIn) {
          void (async () => {
            let count = 0
            for await (const page of fresh.store.list()) count += page.length
            read.push(count)
          })()
          void fresh.store.commit([{ type: 'put', key: '/mine', value: Uint8Array.of(1) }])
        }
      }
      return message
    }
    await old.announceTo(fresh)
    await fresh.store.idle()
    await scene.clock.advance(100)
    expect(isTakingIn).toBe(true)
    expect(read.map((count) => count >= 100)).toEqual([true])
    await settleWith(scene, old, fresh)
    expect(await old.store.get('/mine')).toEqual(Uint8Array.of(1))
    expect((await old.store.stats()).heads).toHaveLength(1)
    await expectEqual(fresh, old)
    await scene.close()
  })

  test('changes made meanwhile are there afterwards', async () => {
    const { scene, old } = await sceneWithHistory()
    const fresh = await scene.open('fresh', { archive: false })
    let changes: Promise<unknown> | undefined
    let chunks = 0
    old.tamper = (message) => {
      chunks += 1
      // after the frame, before the elements
      if (chunks === 4) {
        changes = Promise.all([
          old.store.commit([{ type: 'delete', key: '/k60' }]),
          old.store.commit([{ type: 'put', key: '/late', value: Uint8Array.of(1) }])
        ])
      }
      return message
    }
    await old.announceTo(fresh)
    await fresh.store.idle()
    await changes
    await settleWith(scene, fresh, old)
    expect(fresh.store.catchUp?.snapshot.taken).toBe(1)
    expect(await fresh.store.get('/k60')).toBeUndefined()
    expect(await fresh.store.get('/late')).toEqual(Uint8Array.of(1))
    await expectEqual(fresh, old)
    await scene.close()
  })

  test('an announcement that is faster than word of the protocol does not spoil it', async () => {
    const { scene, old } = await sceneWithHistory()
    const fresh = await scene.open('fresh', { archive: false })
    old.isKnown = false
    await old.announceTo(fresh)
    await scene.clock.advance(1000)
    old.isKnown = true
    await scene.clock.advance(1000)
    expect(fresh.store.catchUp?.snapshot.taken).toBe(1)
    await expectEqual(fresh, old)
    await scene.close()
  })

  test('none is taken from a peer that is not trusted, nor from one with a short history', async () => {
    const { scene, old } = await sceneWithHistory()
    old.isTrusted = false
    const fresh = await scene.open('fresh')
    await settleWith(scene, fresh, old)
    expect(fresh.store.catchUp).toMatchObject({ snapshot: { taken: 0 }, isArchive: true })
    await expectEqual(fresh, old)
    old.isTrusted = true
    const other = await scene.open('other', { limits: { minSnapshotBlocks: 1000 } })
    await settleWith(scene, other, old)
    expect(other.store.catchUp?.snapshot.taken).toBe(0)
    await scene.close()
  })
})

async function takeIn(crashAt: number, kept: Kept, options: MemberOptions): Promise<CrashDisk> {
  const { scene, old } = await sceneWithHistory()
  const disk = new CrashDisk()
  const fresh = await scene.open('fresh', { ...options, onCommit: disk.hook })
  disk.crashAt = crashAt
  await old.announceTo(fresh)
  await scene.clock.advance(1000)
  if (crashAt === Number.POSITIVE_INFINITY) {
    expect(fresh.store.catchUp?.snapshot.taken).toBe(1)
    await scene.close()
    return disk
  }
  // the process is gone: whatever it still does comes to nothing
  disk.crashAt = 0
  fresh.isOnline = false
  await fresh.store.close().catch(() => undefined)
  const again = await scene.open('fresh', { ...options, storage: await disk.remount(kept) })
  await settleWith(scene, again, old)
  await expectEqual(again, old)
  expect(again.store.status().state).toBe('synced')
  await scene.close()
  return disk
}

describe('a crash while a snapshot is taken in', () => {
  test.each<Kept>(['all', 'up to the last durable one', 'durable ones only'])(
    'at each write: it goes on and comes out the same (writes kept: %s)',
    async (kept) => {
      const whole = await takeIn(Number.POSITIVE_INFINITY, 'all', { archive: false })
      const before = whole.writes.findIndex(({ operations }) =>
        operations.some((operation) => 'put' in operation && operation.put.key.toString() === '/c/ts/s/state')
      )
      expect(whole.writes.length - before).toBeGreaterThan(8)
      for (let crashAt = before; crashAt < whole.writes.length; crashAt += 1) {
        await takeIn(crashAt, kept, { archive: false })
      }
    },
    120_000
  )

  test('none of its writes is lost once later ones are not', async () => {
    const { writes } = await takeIn(Number.POSITIVE_INFINITY, 'all', { archive: false })
    const unsynced = [...writes.keys()].filter((number) => writes[number]?.durable === false)
    expect(unsynced.length).toBeGreaterThan(0)
    for (const without of unsynced) await takeIn(writes.length, { without }, { archive: false })
  })

  test('its peer does not come back: the store begins anew, and keeps what was acknowledged here', async () => {
    const { scene, old } = await sceneWithHistory()
    const other = await scene.open('other', { isPlain: true })
    await settleWith(scene, other, old)
    const disk = new CrashDisk()
    const batching = { maxSize: 100, maxAgeMs: 1000, maxQueue: 100 }
    const fresh = await scene.open('fresh', { batching, onCommit: disk.hook })
    await fresh.store.commit([{ type: 'put', key: '/mine', value: Uint8Array.of(1) }])
    // in the middle of the elements
    old.tamper = (message) => {
      if (fresh.store.catchUp?.snapshot.isTakingIn === true && message.length > 4000)
        disk.crashAt = disk.writes.length + 1
      return message
    }
    await old.announceTo(fresh)
    await scene.clock.advance(500)
    disk.crashAt = 0
    fresh.isOnline = false
    await fresh.store.close().catch(() => undefined)
    old.tamper = (message) => message
    await old.store.close()
    old.isOnline = false
    const again = await scene.open('fresh', { batching, storage: await disk.remount('all') })
    expect(again.store.catchUp?.snapshot.isTakingIn).toBe(true)
    await scene.clock.advance(70_000)
    expect(again.store.catchUp?.snapshot.isTakingIn).toBe(false)
    await settleWith(scene, again, other)
    expect(await other.store.get('/mine')).toEqual(Uint8Array.of(1))
    await expectEqual(again, other)
    await scene.close()
  })
})
