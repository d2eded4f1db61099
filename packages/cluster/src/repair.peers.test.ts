import { comparePinsetOrder, pinOf, timestampFromMs } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { closestAmong } from './distance.ts'
import { DEFAULT_CLUSTER_CONFIG } from './index.ts'
import { cidOf, cids, expire, factors, named, peersOfTest, shown } from './peers.fixture.ts'

const start = peersOfTest()

describe('repair among several peers', () => {
  it('CS-21: gives the pins of a lost peer other holders, by the closest peer, when repinning is on', async () => {
    const cluster = await start(4, { disableRepinning: false })
    const all = await cids(20)
    for (const cid of all) await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.settle()
    const selves = cluster.peers.map(({ self }) => self)
    await cluster.kill(1)
    await expire(cluster)
    for (const cid of all) {
      const { allocations } = await cluster.peer(0).core.pins.get(cid, {})
      expect(named(cluster, allocations)).toEqual(['peer_0', 'peer_2'])
      expect(shown(await cluster.peer(0).core.statuses.status(cid, {}))).toEqual({
        peer_0: 'pinned',
        peer_2: 'pinned',
        peer_3: 'remote'
      })
      const living = selves.filter((_, index) => index !== 1)
      const closest = living.filter((self) => closestAmong(self, living)(cid))
      const acted = cluster.peers.filter(({ lines }) =>
        lines.some(({ text, fields }) => text === 'a pin was given other holders' && isOf(fields, cid))
      )
      expect(acted.map(({ self }) => self)).toEqual(closest)
    }
  })

  it('replaces a holder of a pin that follows up another, whatever became of that', async () => {
    const cluster = await start(4, { disableRepinning: false })
    const [from, to] = (await cids(2)) as [CID, CID]
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(from, factors(2, 2)), {})
    await core.pins.pin(pinOf(to, { pinUpdate: from, name: 'follow-up' }), {})
    await core.pins.unpin(from, {})
    await cluster.kill(1)
    await expire(cluster)
    const pin = await core.pins.get(to, {})
    expect([pin.name, pin.pinUpdate?.equals(from), named(cluster, pin.allocations)]).toEqual([
      'follow-up',
      true,
      ['peer_0', 'peer_2']
    ])
  })

  it('CS-24: leaves pins where they are when repinning is off', async () => {
    const cluster = await start(4)
    const cid = await cidOf('stays')
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.kill(1)
    await expire(cluster)
    expect(named(cluster, (await cluster.peer(0).core.pins.get(cid, {})).allocations)).toEqual(['peer_0', 'peer_1'])
  })

  it('CS-31, NX-6: records alerts, and goes on doing so with repinning disabled', async () => {
    const cluster = await start(4)
    await cluster.kill(1)
    await expire(cluster)
    const { core } = cluster.peer(0)
    const names = (): string[] =>
      core.health.alerts().map(({ name, peer }) => `${name} ${named(cluster, [peer])[0] ?? ''}`)
    expect(names().sort()).toEqual(['freespace peer_1', 'ping peer_1'])
    await cluster.kill(2)
    await expire(cluster)
    expect(names().slice(0, 2).sort()).toEqual(['freespace peer_2', 'ping peer_2'])
  })

  it('CS-30, V1: takes expired pins out, each once, by the closest trusted peer', async () => {
    const cluster = await start(3)
    const all = await cids(30)
    const expireAt = timestampFromMs(cluster.clock.nowMs() + 5_000)
    for (const cid of all) await cluster.peer(0).core.pins.pin(pinOf(cid, { expireAt }), {})
    await cluster.pass(6_000)
    const selves = cluster.peers.map(({ self }) => self)
    const before = await Promise.all(cluster.peers.map(({ core }) => core.syncState({})))
    expect(before).toHaveLength(3)
    expect(await Array.fromAsync(cluster.peer(0).core.pins.list({}))).toEqual([])
    for (const { core, self } of cluster.peers) {
      const expired = core.events.since(0).flatMap((event) => (event.type === 'expired' ? [event.cid] : []))
      const expected = all.filter(closestAmong(self, selves)).sort(comparePinsetOrder)
      expect(expired.sort(comparePinsetOrder)).toEqual(expected)
    }
  })

  it('acts for members that are not trusted', async () => {
    const cluster = await start(3, {}, { consensus: { isTrusted: () => false } })
    const expireAt = timestampFromMs(cluster.clock.nowMs() + 5_000)
    for (const cid of await cids(10)) await cluster.peer(0).core.pins.pin(pinOf(cid, { expireAt }), {})
    await cluster.pass(6_000)
    await cluster.peer(1).core.syncState({})
    expect(await Array.fromAsync(cluster.peer(0).core.pins.list({}))).toEqual([])
  })

  it('takes expired pins out by itself as time passes', async () => {
    const cluster = await start(2)
    const expireAt = timestampFromMs(cluster.clock.nowMs() + 10_000)
    await cluster.peer(0).core.pins.pin(pinOf(await cidOf('short'), { expireAt }), {})
    await cluster.pass(DEFAULT_CLUSTER_CONFIG.stateSyncIntervalMs + 1_000)
    expect(await Array.fromAsync(cluster.peer(0).core.pins.list({}))).toEqual([])
  })
})

const isOf = (fields: object | undefined, cid: CID): boolean =>
  fields !== undefined && 'cid' in fields && fields.cid === cid.toString()
