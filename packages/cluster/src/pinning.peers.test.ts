import { comparePinsetOrder, pinOf, timestampFromMs, TrackerStatus } from '@cluster/api'
import { type MemoryCluster } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type Core } from './index.ts'
import { all, cidOf, cids, expire, factors, named, peersOfTest, shown } from './peers.fixture.ts'

const start = peersOfTest()

describe('pinning with several peers', () => {
  it('CS-3: pins and unpins through any peer', async () => {
    const cluster = await start(3)
    const all = await cids(100)
    await Promise.all(all.map((cid, index) => cluster.peer(index % 3).core.pins.pin(pinOf(cid), {})))
    await cluster.settle()
    for (const { core } of cluster.peers) {
      const infos = (await Array.fromAsync(core.statuses.statusAll(0, {}))).flat()
      expect(infos.map(({ cid }) => cid)).toEqual(all.toSorted(comparePinsetOrder))
      for (const info of infos) expect(shown(info)).toEqual({ peer_0: 'pinned', peer_1: 'pinned', peer_2: 'pinned' })
    }
    await Promise.all(all.map((cid, index) => cluster.peer(index % 3).core.pins.unpin(cid, {})))
    await cluster.settle()
    for (const cid of all) await expect(cluster.peer(1).core.pins.unpin(cid, {})).rejects.toThrow()
    for (const { core } of cluster.peers) expect(await Array.fromAsync(core.statuses.statusAll(0, {}))).toEqual([])
  })

  it('CS-4: updates a pin', async () => {
    const cluster = await start(2)
    const { core, clock } = cluster.peer(0)
    const [from, to] = (await cids(2)) as [CID, CID]
    await expect(core.pins.pin(pinOf(to, { pinUpdate: from }), {})).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
    await core.pins.pin(pinOf(from, { name: 'old' }), {})
    const expireAt = timestampFromMs(clock.nowMs() + 31_536_000_000)
    const userAllocations = [cluster.peer(1).self]
    await core.pins.pin(pinOf(to, { pinUpdate: from, name: 'new', expireAt, userAllocations }), {})
    const pin = await core.pins.get(to, {})
    expect([pin.name, pin.allocations, pin.maxDepth, pin.userAllocations]).toEqual(['new', [], -1, undefined])
    expect(pin.expireAt).toBe((expireAt / 1_000_000_000n) * 1_000_000_000n)
    expect((await core.pins.get(from, {})).name).toBe('old')
  })

  it('CS-5: turns a direct pin recursive, never back', async () => {
    const cluster = await start(2)
    const { core } = cluster.peer(0)
    const cid = await cidOf('direct')
    await core.pins.pin(pinOf(cid, { mode: 1 }), {})
    expect((await core.pins.get(cid, {})).maxDepth).toBe(0)
    await core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    expect((await core.pins.get(cid, {})).maxDepth).toBe(-1)
    expect(shown(await core.statuses.status(cid, {}))).toEqual({ peer_0: 'pinned', peer_1: 'pinned' })
    await expect(core.pins.pin(pinOf(cid, { mode: 1 }), {})).rejects.toThrow(
      'cannot repin a CID which is already pinned in recursive mode (new pin is pinned as direct). Unpin it first.'
    )
  })

  it('CS-12: N−1 of N hold each pin', async () => {
    const cluster = await start(4, factors(3, 3))
    for (const [index, cid] of (await cids(4)).entries()) await cluster.peer(index).core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    for (const { core } of cluster.peers) {
      for (const info of await all(core, 0)) {
        expect(Object.values(shown(info)).sort()).toEqual(['pinned', 'pinned', 'pinned', 'remote'])
        for (const [peer, { status }] of info.peerMap ?? []) {
          const isHolder = info.allocations?.some((holder) => holder.toString() === peer)
          expect(status === TrackerStatus.pinned).toBe(isHolder)
        }
        expect(shown(await core.statuses.status(info.cid, {}))).toEqual(shown(info))
      }
    }
  })

  it('CS-13, CS-14: allocates up to the maximum, and drops holders above it', async () => {
    const cluster = await start(4)
    const { core } = cluster.peer(0)
    const cid = await cidOf('between')
    const pin = await core.pins.pin(pinOf(cid, factors(1, 3)), {})
    expect(named(cluster, pin.allocations)).toEqual(['peer_0', 'peer_1', 'peer_2'])
    expect(pin).toMatchObject(factors(1, 3))
    expect((await core.pins.pin(pinOf(cid, factors(1, 2)), {})).allocations).toHaveLength(2)
  })

  it('CS-15, CS-16, CS-20: allocates what is there, and no less than the minimum', async () => {
    const cluster = await start(4)
    await cluster.kill(2)
    await cluster.kill(3)
    await expire(cluster)
    const { core } = cluster.peer(0)
    const [first, second] = (await cids(2)) as [CID, CID]
    const pin = await core.pins.pin(pinOf(first, factors(1, 4)), {})
    expect([named(cluster, pin.allocations), pin.replicationFactorMax]).toEqual([['peer_0', 'peer_1'], 4])
    await expect(core.pins.pin(pinOf(second, factors(3, 4)), {})).rejects.toMatchObject({
      code: 'NOT_ENOUGH_PEERS',
      message:
        'not enough peers to allocate CID. Needed at least: 3. Wanted at most: 4. Available candidates: 2. See logs for more info.'
    })
  })

  it('CS-17 to CS-19: keeps holders that are down while enough live, and replaces them else', async () => {
    const cluster = await start(5)
    const { core } = cluster.peer(0)
    const [loose, tight] = (await cids(2)) as [CID, CID]
    await core.pins.pin(pinOf(loose, factors(1, 5)), {})
    await core.pins.pin(pinOf(tight, factors(3, 3)), {})
    await cluster.kill(1)
    await expire(cluster)
    expect((await core.pins.pin(pinOf(loose, factors(1, 5)), {})).allocations).toHaveLength(5)
    const again = await core.pins.pin(pinOf(tight, { ...factors(3, 3), name: 'again' }), {})
    expect(named(cluster, again.allocations)).toEqual(['peer_0', 'peer_2', 'peer_3'].sort(byBytes(cluster)))
  })

  it('drops the allocations of a pin that everybody holds, and takes those of others as they are', async () => {
    const cluster = await start(3)
    const { core } = cluster.peer(0)
    const [first, second] = (await cids(2)) as [CID, CID]
    const allocations = [cluster.peer(2).self]
    expect((await core.pins.pin({ ...pinOf(first), allocations }, {})).allocations).toEqual([])
    const preset = { ...pinOf(second, factors(1, 1)), allocations }
    expect((await core.pins.pin(preset, {})).allocations).toEqual(allocations)
  })
})

/** Orders names of peers by the bytes of their IDs: the order in which those that stay are listed. */
const byBytes =
  (cluster: MemoryCluster<Core>) =>
  (a: string, b: string): number => {
    const bytes = (name: string): Uint8Array =>
      cluster.peers.find(({ peername }) => peername === name)?.self.toMultihash().bytes ?? new Uint8Array()
    // Holders that stay come first; the new one is the last.
    if (a === 'peer_3') return 1
    return b === 'peer_3' ? -1 : Buffer.compare(bytes(a), bytes(b))
  }
