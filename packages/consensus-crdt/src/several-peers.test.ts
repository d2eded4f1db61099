import { testCid, testPeerId } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CatchUpHost } from './catch-up-protocol.ts'
import { cids, pin, pinned, rest, unpin, World } from './crdt.fixture.ts'

/** A host that knows nobody who could be asked. */
const silentHost: CatchUpHost = {
  handle: () => Promise.resolve(),
  unhandle: () => Promise.resolve(),
  register: () => Promise.resolve('topology'),
  unregister: () => undefined,
  getPeers: () => [],
  getConnections: () => [],
  peerStore: new Proxy({} as CatchUpHost['peerStore'], {
    get: (_, name) => {
      throw new Error(`${String(name)} was asked for`)
    }
  })
}

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
  expect(world.clock.pending).toBe(0)
})

describe('several peers', () => {
  test('CR-4: what one pins, the other has; peers cannot be removed', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA, { trustedPeers: [] })
    const b = await world.start(contextB, { trustedPeers: [contextA.self] })
    expect(contextB.kept).toEqual([`crdt ${contextA.self.toString()}`])
    await a.addPeer()
    await a.commit([pin(1)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(1))
    await expect(a.rmPeer()).rejects.toThrow('crdt consensus component cannot remove peers')
    await expect(a.leader()).rejects.toThrow('crdt consensus component does not provide a leader')
    // and not the other way round: a trusts nobody
    await b.commit([pin(2)], {})
    await rest()
    expect(await pinned(a)).toEqual(cids(1))
  })

  test('CR-5: after the end of trust changes are not taken any more', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA)
    const b = await world.start(contextB, { trustedPeers: [] })
    await b.trust(contextA.self)
    expect(b.isTrusted(contextA.self)).toBe(true)
    await a.commit([pin(1)], {})
    await rest()
    b.distrust(contextA.self)
    expect(b.isTrusted(contextA.self)).toBe(false)
    await a.commit([pin(2)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(1))
  })

  test('P7: the first pin of a newcomer waits for heads of those whom it trusts, at most one rebroadcast interval', async () => {
    const [contextA, contextB, contextC] = [world.peer(1), world.peer(2), world.peer(3)]
    const a = await world.start(contextA)
    await a.commit([pin(1)], {})
    world.cut.add(contextA.self) // it is there, but what it says does not arrive
    const over = { network: { ...contextB.network, libp2p: silentHost } }
    const b = await world.start({ ...contextB, ...over }, { rebroadcastIntervalMs: 20_000 })
    let isDone = false
    const committing = b.commit([pin(2)], {}).then(() => (isDone = true))
    await rest()
    expect(isDone).toBe(false)
    const { state, reason } = await b.health()
    expect(`${state}: ${reason}`).toMatch(/^syncing: the first change here waits for heads of other peers, until /)
    await world.clock.advance(20_000)
    await committing
    expect(await pinned(b)).toEqual(cids(2))
    // who trusts nobody waits for nobody
    const alone = { network: { ...contextC.network, libp2p: silentHost } }
    const c = await world.start({ ...contextC, ...alone }, { trustedPeers: [] })
    await c.commit([pin(3)], {})
  })

  test('peers of --bootstrap are trusted, unless told otherwise', async () => {
    const [other] = [testPeerId(9)]
    const trusting = await world.start(world.peer(1, { bootstrap: { peers: [other], trust: true } }), {
      trustedPeers: []
    })
    const other2 = await world.start(world.peer(2, { bootstrap: { peers: [other], trust: false } }), {
      trustedPeers: []
    })
    expect([trusting.isTrusted(other), other2.isTrusted(other)]).toEqual([true, false])
  })

  test('three peers that write at the same time arrive at the same pinset and one head', async () => {
    const peers = [await world.start(world.peer(1)), await world.start(world.peer(2)), await world.start(world.peer(3))]
    await Promise.all(
      peers.flatMap((consensus, at) => [
        consensus.commit([pin(at * 10), pin(100, `of ${at}`)], {}),
        consensus.commit([pin(at * 10 + 1), unpin(at * 10)], {})
      ])
    )
    await rest()
    const [a, b, c] = peers
    if (a === undefined || b === undefined || c === undefined) throw new Error('no peers')
    expect(await pinned(a)).toHaveLength(4)
    expect(await pinned(b)).toEqual(await pinned(a))
    expect(await pinned(c)).toEqual(await pinned(a))
    const names = await Promise.all(peers.map((each) => each.pinset.get(testCid(100), {})))
    expect(new Set(names.map((each) => each?.name)).size).toBe(1)
    await a.commit([pin(200)], {})
    await rest()
    expect((await c.stats()).heads).toHaveLength(1)
  })

  test('a peer that comes later is told the heads at once, and one that comes back what it missed', async () => {
    const a = await world.start(world.peer(1))
    await a.commit([pin(1)], {})
    const contextB = world.peer(2)
    const b = await world.start(contextB)
    await rest()
    await world.clock.advance(50)
    expect(await pinned(b)).toEqual(cids(1))
    await b.stop({})
    await a.commit([pin(2)], {})
    const back = await world.start(contextB)
    await world.clock.advance(2050) // announcements to those who come have a distance
    expect((await pinned(back)).sort()).toEqual(cids(1, 2))
  })

  test('peers that were cut off from each other join again with the next announcement', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA, { rebroadcastIntervalMs: 10_000 })
    const b = await world.start(contextB, { rebroadcastIntervalMs: 10_000 })
    world.cut.add(contextB.self)
    await a.commit([pin(1)], {})
    await b.commit([pin(2)], {})
    await rest()
    expect(await pinned(b)).toEqual(cids(2))
    world.cut.clear()
    await world.clock.advance(30_000)
    expect((await pinned(a)).sort()).toEqual(cids(1, 2))
    expect((await pinned(b)).sort()).toEqual(cids(1, 2))
  })

  test('clusters of another name do not meet', async () => {
    const a = await world.start(world.peer(1), { clusterName: 'one' })
    const b = await world.start(world.peer(2), { clusterName: 'two' })
    await a.commit([pin(1)], {})
    await rest()
    expect(await pinned(b)).toEqual([])
  })
})
