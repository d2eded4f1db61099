import { Key } from 'interface-datastore'
import { describe, expect, test, vi } from 'vitest'
import { blockIdOf } from '../../wire/block-id.ts'
import { concatBytes, encodeUvarint } from '../../wire/uvarint.ts'
import { CrashDisk } from './crash-disk.fixture.ts'
import { Scene, settleWith, withoutDead, type Member } from './scene.fixture.ts'

vi.setConfig({ testTimeout: 120_000 })

/** What a set of merged blocks amounts to: marks, values, elements, tombstones and heads. */
const NO_BLOCKS = /^\/c\/(ts|bs|b\/blocks|crdt_version)/

/** A history from which much is taken back, and to which something is added, between frame and elements. */
async function sceneThatMovesOn(): Promise<{ scene: Scene; old: Member; other: Member; moved: () => Promise<void> }> {
  const scene = new Scene()
  const old = await scene.open('old')
  const other = await scene.open('other', { isPlain: true })
  await old.pin(60)
  await settleWith(scene, other, old)
  let changes: Promise<unknown> | undefined
  old.tamper = (message) => {
    // the frame was read in one turn, before its first chunk went out
    changes ??= scene.members.some(({ name, store }) => name === 'fresh' && store.catchUp?.snapshot.isTakingIn === true)
      ? Promise.all([
          old.store.commit([{ type: 'delete', key: '/k20' }]),
          // below the top: a branch of somebody else
          other.store
            .commit([
              { type: 'delete', key: '/k21' },
              { type: 'put', key: '/k22', value: Uint8Array.of(1) }
            ])
            .then(() => other.announceTo(old)),
          old.store.commit([
            { type: 'put', key: '/k23', value: Uint8Array.of(2) },
            { type: 'put', key: '/late', value: Uint8Array.of(3) }
          ])
        ]).then(() => old.store.commit([{ type: 'delete', key: '/k22' }]))
      : undefined
    return message
  }
  const moved = async (): Promise<void> => {
    expect(changes).toBeDefined()
    await changes
  }
  return { scene, old, other, moved }
}

/** Opens a store on a disk that fails at one of its writes, and kills it there. */
async function crash(scene: Scene, old: Member, disk: CrashDisk): Promise<Member> {
  const fresh = await scene.open('fresh', { archive: false, onCommit: disk.hook })
  await old.announceTo(fresh)
  await scene.clock.advance(1000)
  disk.crashAt = 0
  fresh.isOnline = false
  await fresh.store.close().catch(() => undefined)
  return fresh
}

const touches = ({ writes }: CrashDisk, what: string): number =>
  writes.findIndex(({ operations }) => operations.some((one) => 'delete' in one && one.delete.toString() === what))

describe('what came after the frame of a snapshot', () => {
  test('is merged before the snapshot counts: nothing is here that the merged blocks do not say', async () => {
    const { scene, old, other, moved } = await sceneThatMovesOn()
    const disk = new CrashDisk()
    await crash(scene, old, disk)
    await moved()
    // the state as the write left it that makes the snapshot the content, and nobody to ask
    disk.writes.splice(touches(disk, '/c/ts/s/state') + 1)
    const storage = await disk.remount('durable ones only')
    await settleWith(scene, other, old)
    old.isOnline = false
    other.isOnline = false
    const again = await scene.open('fresh', { archive: false, storage })
    expect(again.store.catchUp?.snapshot.isTakingIn).toBe(false)
    for (const key of ['/k20', '/k21']) expect(await again.store.get(key)).toBeUndefined()
    expect(await again.store.get('/late')).toEqual(Uint8Array.of(3))
    expect((await again.store.stats()).queuedJobs).toBe(0)
    // what somebody makes of the same blocks who walks the DAG
    old.isOnline = true
    const walker = await scene.open('walker', { isPlain: true })
    await again.announceTo(walker)
    await walker.store.idle()
    expect(withoutDead(await again.content(NO_BLOCKS))).toEqual(withoutDead(await walker.content(NO_BLOCKS)))
    await scene.close()
  })

  test('a crash at each write: it goes on and comes out the same', async () => {
    const whole = new CrashDisk()
    {
      const { scene, old, other } = await sceneThatMovesOn()
      await crash(scene, old, whole)
      await Promise.all([old.store.close(), other.store.close()])
    }
    const from = touches(whole, '/c/ts/s/state') - 6
    expect(from).toBeGreaterThan(0)
    for (let crashAt = from; crashAt < whole.writes.length; crashAt += 1) {
      const { scene, old, moved } = await sceneThatMovesOn()
      const disk = new CrashDisk()
      disk.crashAt = crashAt
      await crash(scene, old, disk)
      await moved()
      await old.pin(3, '/after')
      const again = await scene.open('fresh', { archive: false, storage: await disk.remount('durable ones only') })
      await settleWith(scene, again, old)
      expect(again.store.catchUp?.snapshot.refused).toBe(0)
      expect(withoutDead(await again.content(NO_BLOCKS))).toEqual(withoutDead(await old.content(NO_BLOCKS)))
      await scene.close()
    }
  })

  test('what an earlier version queued for later is merged all the same', async () => {
    const { scene, old, moved } = await sceneThatMovesOn()
    const disk = new CrashDisk()
    await crash(scene, old, disk)
    await moved()
    const marks = disk.writes.findIndex(({ operations }) =>
      operations.some((one) => 'put' in one && new TextDecoder().decode(one.put.value).includes('"phase":"marks"'))
    )
    expect(marks).toBeGreaterThan(0)
    disk.writes.splice(marks + 1)
    const storage = await disk.remount('durable ones only')
    const [head] = (await old.store.stats()).heads
    if (head === undefined) throw new Error('no head')
    const id = blockIdOf(head)
    const height = encodeUvarint((await old.store.stats()).maxHeight)
    storage.put(new Key(`/c/b/blocks${id}`), await old.blocks.get(head))
    storage.put(new Key(`/c/ts/w${id}`), concatBytes(head.bytes, height))
    await old.pin(3, '/after')
    const again = await scene.open('fresh', { archive: false, storage })
    expect(again.store.catchUp?.snapshot.isTakingIn).toBe(true)
    await settleWith(scene, again, old)
    expect(again.store.catchUp?.snapshot).toMatchObject({ taken: 1, refused: 0 })
    expect(await again.content(/^(?!\/c\/ts\/(w|s)\/)/)).toEqual([])
    expect(withoutDead(await again.content(NO_BLOCKS))).toEqual(withoutDead(await old.content(NO_BLOCKS)))
    await scene.close()
  })

  test('a peer that began anew meanwhile is found out', async () => {
    const { scene, old, other, moved } = await sceneThatMovesOn()
    const disk = new CrashDisk()
    await crash(scene, old, disk)
    await moved()
    const state = disk.writes.findIndex(({ operations }) =>
      operations.some((one) => 'put' in one && new TextDecoder().decode(one.put.value).includes('"phase":"elements"'))
    )
    disk.writes.splice(state + 1)
    await settleWith(scene, other, old)
    await old.store.close()
    const fresh = await scene.open('old')
    expect(fresh.store.catchUp?.isArchive).toBe(true)
    const again = await scene.open('fresh', { archive: false, storage: await disk.remount('durable ones only') })
    await scene.clock.advance(1000)
    expect(again.store.catchUp?.snapshot).toMatchObject({ taken: 0, refused: 1, isTakingIn: false })
    await settleWith(scene, again, other)
    expect(withoutDead(await again.content(NO_BLOCKS))).toEqual(withoutDead(await other.content(NO_BLOCKS)))
    await scene.close()
  })
})
