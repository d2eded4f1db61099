import { describe, expect, test } from 'vitest'
import { Scene } from './scene.fixture.ts'

/** All but blocks, and what is ours alone. */
const NO_BLOCKS = /^\/c\/(ts|bs|b\/blocks)/

/** Elements that a tombstone takes back are not in a snapshot: they cannot come back. */
function withoutDead(content: readonly string[]): string[] {
  const dead = new Set(content.filter((line) => line.startsWith('/c/s/t/')).map((line) => line.slice(6, -1)))
  return content.filter((line) => !line.startsWith('/c/s/s/') || !dead.has(line.slice(6, line.indexOf('='))))
}

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

describe('a snapshot for an empty store', () => {
  test('it is equal but for old blocks, which come later', async () => {
    const scene = new Scene()
    const old = await scene.open('old')
    await old.pin(120)
    await old.pin(20)
    for (let index = 30; index < 50; index += 1) await old.store.commit([{ type: 'delete', key: `/k${index}` }])
    const fresh = await scene.open('fresh', { archive: false })
    await old.announceTo(fresh)
    await fresh.store.idle()
    expect(fresh.store.catchUp).toMatchObject({ snapshot: { taken: 1, keys: 100 }, isArchive: false })
    expect(withoutDead(await fresh.content(NO_BLOCKS))).toEqual(withoutDead(await old.content(NO_BLOCKS)))
    expect(fresh.fetched).toBe(0)
    await scene.close()
    expect(scene.clock.pending).toBe(0)
  })
})
