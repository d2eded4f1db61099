import { describe, expect, test } from 'vitest'
import { Scene } from './scene.fixture.ts'

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
})
