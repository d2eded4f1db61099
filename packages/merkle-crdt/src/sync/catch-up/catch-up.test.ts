import { describe, expect, test } from 'vitest'
import { Scene, type Member } from './scene.fixture.ts'

describe('blocks ahead of the walk', () => {
  test('a long history comes in bulk, and both stores are equal', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(300)
    const fresh = await scene.open('fresh', { snapshots: false })
    await old.announceTo(fresh)
    await fresh.store.idle()
    expect(await fresh.content()).toEqual(await old.content())
    expect(fresh.fetched).toBeLessThan(20)
    expect(fresh.store.catchUp).toMatchObject({ runs: 1, failures: 0 })
    expect(fresh.store.catchUp?.prefetched).toBeGreaterThan(280)
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })

  test('few blocks come by the exchange', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    const other = await scene.open('other')
    await old.pin(3)
    await old.announceTo(other)
    await other.store.idle()
    expect(other.fetched).toBe(3)
    expect(other.store.catchUp).toMatchObject({ runs: 0, prefetched: 0 })
    await scene.close()
  })

  test('an exchange that brings nothing holds nothing up', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(100)
    const fresh = await scene.open('fresh', { snapshots: false, limits: { minBlocks: 1 } })
    old.isServing = false
    await old.announceTo(fresh)
    await fresh.store.idle()
    expect(await fresh.content()).toEqual(await old.content())
    expect(fresh).toMatchObject({ fetched: 0 })
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })

  test('it goes on after a restart in the middle, without fetching again what is merged', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(400)
    const fresh = await scene.open('fresh', { snapshots: false })
    const merged = new Promise<void>((resolve) => {
      fresh.store.addEventListener('progress', ({ detail }) => {
        if (detail.done > 100) resolve()
      })
    })
    let frames = 0
    old.tamper = (message) => (message.length > 1000 && ++frames > 2 ? undefined : message)
    await old.announceTo(fresh)
    await Promise.race([merged, scene.clock.advance(100)])
    await fresh.store.close()
    old.tamper = (message) => message
    const done = await processed(fresh)
    expect(done).toBeGreaterThan(4)
    const again = await scene.open('fresh', { snapshots: false, storage: fresh.storage })
    await old.announceTo(again)
    await again.store.idle()
    expect(await again.content()).toEqual(await old.content())
    expect(again.store.status().counters.merged).toBe(400 - done)
    await scene.close()
  })

  test('a store that a Go peer wrote to has its index built', async () => {
    const scene = new Scene()
    const old = await scene.open('old', { isPlain: true })
    await old.pin(300)
    await old.store.close()
    for await (const key of old.storage.queryKeys({ prefix: '/c/ts' })) old.storage.delete(key)
    const again = await scene.open('old', { storage: old.storage })
    await scene.clock.advance(1000)
    expect(again.store.catchUp?.isIndexComplete).toBe(true)
    const fresh = await scene.open('fresh', { snapshots: false })
    await again.announceTo(fresh)
    await fresh.store.idle()
    expect(fresh.store.catchUp?.prefetched).toBeGreaterThan(280)
    expect(await fresh.content()).toEqual(await again.content())
    await scene.close()
  })

  test('peers with and without the protocol, and changes on both sides, come out the same', async () => {
    const scene = new Scene()
    const members = [await scene.open('a'), await scene.open('b'), await scene.open('plain', { isPlain: true })]
    for (const member of members) await member.pin(60, `/${member.name}`)
    for (const member of members) await member.pin(60, '/all')
    for (let round = 0; round < 6; round += 1) {
      for (const from of members) for (const to of members) if (from !== to) await from.announceTo(to)
      await scene.clock.advance(5000)
    }
    const [first, ...others] = await Promise.all(members.map((member) => member.content()))
    for (const other of others) expect(other).toEqual(first)
    await scene.close()
  })
})

async function processed(member: Member): Promise<number> {
  let count = 0
  for await (const key of member.storage.queryKeys({ prefix: '/c/b/CIQ' })) if (key.toString().length > 0) count += 1
  return count
}
