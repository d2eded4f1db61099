import { testCid } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cids, pin, pinned, rest, World } from './crdt.fixture.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
  expect(world.clock.pending).toBe(0)
})

const INTERVAL_MS = 10_000

describe('trust', () => {
  test('an announcement of a peer that is not trusted causes no fetch, and is counted', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA, { trustedPeers: [] })
    const b = await world.start(contextB)
    await rest()
    await world.clock.advance(5000)
    const { transferred } = world.hub
    await b.commit([pin(1)], {})
    await rest()
    expect(await pinned(a)).toEqual([])
    expect(world.hub.transferred).toBe(transferred)
    expect((await a.health()).reason).toContain('1 announcements of peers that are not trusted were refused')
    expect(contextA.lines.map(({ text }) => text)).toContain('discarded pubsub message from non trusted source')
    // reading is open: the other way round everything comes
    await a.commit([pin(2)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(1, 2))
  })

  test('goes through the DAG: what a trusted peer builds on is taken, whoever wrote it', async () => {
    const [contextA, contextB, contextC] = [world.peer(1), world.peer(2), world.peer(3)]
    const d = await world.start(contextA, { trustedPeers: [contextB.self] })
    const b = await world.start(contextB)
    const c = await world.start(contextC)
    await c.commit([pin(1)], {})
    await rest()
    expect([await pinned(b), await pinned(d)]).toEqual([cids(1), []])
    await b.commit([pin(2)], {})
    await rest()
    expect(await pinned(d)).toEqual(cids(1, 2))
  })

  test('goes through announcements: a head that a trusted peer repeats is taken', async () => {
    const [contextA, contextB, contextC] = [world.peer(1), world.peer(2), world.peer(3)]
    const d = await world.start(contextA, { trustedPeers: [contextB.self] })
    await world.start(contextB, { rebroadcastIntervalMs: INTERVAL_MS })
    const c = await world.start(contextC)
    await c.commit([pin(1)], {})
    await rest()
    await c.stop({})
    expect(await pinned(d)).toEqual([])
    await world.clock.advance(3 * INTERVAL_MS)
    expect(await pinned(d)).toEqual(cids(1))
  })

  test('that begins later takes what the peer announces from then on, with all below it', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA, { trustedPeers: [] })
    const b = await world.start(contextB)
    await b.commit([pin(1)], {})
    await rest()
    expect(a.isTrusted(contextB.self)).toBe(false)
    await a.trust(contextB.self)
    expect(contextA.kept).toEqual([`crdt ${contextB.self.toString()}`])
    await b.commit([pin(2)], {})
    await rest()
    expect(await pinned(a)).toEqual(cids(1, 2))
  })

  test('in everybody cannot be taken from one', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA, { trustedPeers: '*' })
    const b = await world.start(contextB)
    a.distrust(contextB.self)
    expect(a.isTrusted(contextB.self)).toBe(true)
    await b.commit([pin(1)], {})
    await rest()
    expect(await a.pinset.get(testCid(1), {})).toBeDefined()
    expect(contextA.lines.map(({ text }) => text)).toContain(
      "'trust all' mode enabled. Any peer in the cluster can modify the pinset."
    )
  })
})
