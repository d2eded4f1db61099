import { pinOf, pinsetKey, type Move, type Pages } from '@cluster/api'
import type { MemoryCluster, MemoryPeer } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { closestAmong } from './distance.ts'
import type { Core } from './index.ts'
import { all, cidOf, cids, expire, factors, holders, named, peersOfTest, repairing, shown } from './peers.fixture.ts'

const start = peersOfTest()
/** A peer falls silent: its metrics stop, but it is not told so. */
const silence = ({ monitor }: MemoryPeer<Core>): { end: () => void } => {
  const publish = monitor.publishMetric.bind(monitor)
  monitor.publishMetric = () => Promise.resolve()
  return {
    end: () => {
      monitor.publishMetric = publish
    }
  }
}
const check = async (cluster: MemoryCluster<Core>): Promise<void> => {
  for (const { monitor } of cluster.peers) monitor.check()
  await cluster.settle()
}
const movesOf = async (cluster: MemoryCluster<Core>, pages: Pages<Move>): Promise<string[]> => {
  const moves: string[] = []
  for await (const page of pages) {
    for (const { add, drop, state, error } of page) {
      moves.push(`${state}: +${named(cluster, add).join()} -${named(cluster, drop).join()} ${error}`.trim())
    }
  }
  return moves
}
/** Reads a listing while time passes. */
const during = async <T>(cluster: MemoryCluster<Core>, ms: number, work: Promise<T>): Promise<T> => {
  work.catch(() => undefined)
  await cluster.pass(ms)
  return await work
}

describe('the grace period', () => {
  const config = { disableRepinning: false, ...repairing({ gracePeriodMs: 60_000 }) }

  it('lets the pins of a lost peer stay until it is over', async () => {
    const cluster = await start(4, config)
    const cid = await cidOf('graceful')
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    silence(cluster.peer(1))
    await expire(cluster)
    await cluster.pass(59_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1'])
    await cluster.pass(2_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_2'])
  })

  it('is forgotten when the peer returns, and begins anew when it is lost again', async () => {
    const cluster = await start(4, config)
    const cid = await cidOf('returning')
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    const first = silence(cluster.peer(1))
    await expire(cluster)
    await cluster.pass(29_000)
    first.end()
    await cluster.pass(16_000)
    expect(cluster.peer(0).lines.map(({ text }) => text)).toContain(
      'a lost peer has returned: its pins stay where they are'
    )
    silence(cluster.peer(1))
    await cluster.pass(31_000)
    await check(cluster)
    await cluster.pass(50_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1'])
    await cluster.pass(11_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_2'])
  })
})

describe('the repair loop', () => {
  it('tops up to the maximum once there are peers for it, each pin by the closest peer', async () => {
    const cluster = await start(4, repairing({ intervalMs: 10_000 }))
    const { end } = silence(cluster.peer(3))
    await cluster.pass(31_000)
    const some = await cids(12)
    for (const cid of some) await cluster.peer(0).core.pins.pin(pinOf(cid, factors(1, 4)), {})
    expect(await holders(cluster, some[0] as CID)).toEqual(['peer_0', 'peer_1', 'peer_2'])
    end()
    await cluster.pass(40_000)
    const selves = cluster.peers.map(({ self }) => self)
    for (const cid of some) expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1', 'peer_2', 'peer_3'])
    for (const { self, lines } of cluster.peers) {
      const moved = lines
        .filter(({ text }) => text === 'pins were looked after')
        .reduce((sum, { fields }) => sum + Number((fields as { moved?: number } | undefined)?.moved), 0)
      expect(moved).toBe(some.filter(closestAmong(self, selves)).length)
    }
  })

  it('drops what is too much, once the rest has it pinned', async () => {
    const cluster = await start(3, repairing({ intervalMs: 10_000 }))
    const cid = await cidOf('too much')
    const allocations = cluster.peers.map(({ self }) => self)
    cluster.peer(0).ipfs.failing.add(pinsetKey(cid))
    await cluster.peer(0).core.pins.pin({ ...pinOf(cid, factors(1, 1)), allocations }, {})
    await cluster.pass(25_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1', 'peer_2'])
    cluster.peer(0).ipfs.failing.clear()
    await cluster.peer(0).core.statuses.recover(cid, {})
    await cluster.pass(15_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0'])
    expect(shown(await cluster.peer(1).core.statuses.status(cid, {}))).toEqual({
      peer_0: 'pinned',
      peer_1: 'remote',
      peer_2: 'remote'
    })
  })

  it('repairs elsewhere what a peer holds whose IPFS daemon is gone, after the grace period', async () => {
    const cluster = await start(3, repairing({ intervalMs: 10_000, gracePeriodMs: 30_000 }))
    const cid = await cidOf('daemon gone')
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.settle()
    cluster.peer(1).ipfs.state = 'down'
    cluster.peer(1).informers[0].weight = undefined
    await cluster.pass(35_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1'])
    await cluster.pass(50_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_2'])
    cluster.peer(1).ipfs.state = 'up'
    cluster.peer(1).informers[0].weight = 999n
    await cluster.pass(60_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_2'])
  })

  it('moves nothing when most peers are gone: it may be the one that is cut off', async () => {
    const cluster = await start(5, repairing({ intervalMs: 10_000 }))
    const cid = await cidOf('cut off')
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    for (const index of [1, 2, 3]) await cluster.kill(index)
    await cluster.pass(120_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1'])
    expect(cluster.peer(0).lines.map(({ text }) => text)).toContain(
      'most peers are gone: pins stay where they are, since it may be this peer that is cut off'
    )
    // Who is told to repair knows better.
    const pages = cluster.peer(0).core.upkeep?.repair({})
    if (pages === undefined) throw new Error('no upkeep')
    expect(await during(cluster, 5_000, movesOf(cluster, pages))).toEqual(['moved: +peer_4 -peer_1'])
  })

  it('changes no more pins in a minute than it may', async () => {
    const cluster = await start(3, repairing({ intervalMs: 1_000, pinsPerMinute: 6 }), {}, (index) => ({
      followerMode: index > 0
    }))
    const allocations = cluster.peers.slice(0, 2).map(({ self }) => self)
    const some = await cids(12)
    for (const cid of some) {
      await cluster.peer(0).core.pins.pin({ ...pinOf(cid, factors(1, 1)), allocations }, {})
    }
    const surplus = async (): Promise<number> =>
      (await Promise.all(some.map((cid) => holders(cluster, cid)))).filter(({ length }) => length > 1).length
    await cluster.pass(60_000)
    expect(await surplus()).toBe(6)
    await cluster.pass(60_000)
    expect(await surplus()).toBe(0)
  })

  it('is off unless it is asked for: nothing is published that the reference does not know', async () => {
    const cluster = await start(2)
    await cluster.pass(60_000)
    expect(cluster.peer(0).core.health.metricNames().toSorted()).toEqual(['freespace', 'ping'])
  })
})

describe('drain and replace', () => {
  it('gives all pins of a peer to others, and drops it only when these have them', async () => {
    const cluster = await start(4)
    const [good, bad] = (await cids(2)) as [CID, CID]
    const { core } = cluster.peer(0)
    const allocations = [0, 1].map((index) => cluster.peer(index).self)
    for (const cid of [good, bad]) await core.pins.pin({ ...pinOf(cid, factors(2, 2)), allocations }, {})
    await cluster.settle()
    cluster.peer(2).ipfs.failing.add(pinsetKey(bad))
    const { upkeep } = core
    if (upkeep === undefined) throw new Error('no upkeep')
    const lost = cluster.peer(1).self
    expect(await movesOf(cluster, upkeep.drain(lost, { dryRun: true }))).toEqual([
      'planned: +peer_2 -peer_1',
      'planned: +peer_2 -peer_1'
    ])
    expect([await holders(cluster, good), upkeep.services()]).toEqual([['peer_0', 'peer_1'], []])
    const moves = await during(cluster, 5_000, movesOf(cluster, upkeep.drain(lost, {})))
    expect(moves.sort()).toEqual([
      'moved: +peer_2 -peer_1',
      `waiting: +peer_2 -peer_1 the old copies stay: ${cluster.peer(2).self.toString()} says pin_error`
    ])
    expect(await holders(cluster, good)).toEqual(['peer_0', 'peer_2'])
    expect(await holders(cluster, bad)).toEqual(['peer_0', 'peer_1', 'peer_2'])
    // What was left is finished by the next run.
    cluster.peer(2).ipfs.failing.clear()
    await cluster.peer(2).core.statuses.recover(bad, { local: true })
    await cluster.settle()
    expect(await during(cluster, 5_000, movesOf(cluster, upkeep.drain(lost, {})))).toEqual(['moved: + -peer_1'])
    expect((await all(core, 0)).map(shown)).toEqual(
      [good, bad].map(() => ({ peer_0: 'pinned', peer_1: 'remote', peer_2: 'pinned', peer_3: 'remote' }))
    )
  })

  it('says of each pin that nobody else can take', async () => {
    const cluster = await start(2)
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(await cidOf('nowhere'), factors(2, 2)), {})
    const pages = core.upkeep?.drain(cluster.peer(1).self, {})
    const [move] = pages === undefined ? [] : await movesOf(cluster, pages)
    expect(move).toContain('failed: + - 1 copies are missing, and no other peer can take one')
  })

  it('replaces a dead peer by the one that is named', async () => {
    const cluster = await start(4)
    const { core } = cluster.peer(0)
    const some = await cids(5)
    for (const cid of some) await core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.settle()
    const [old, by] = [cluster.peer(1).self, cluster.peer(3).self]
    await cluster.kill(1)
    await cluster.pass(31_000)
    const { upkeep } = core
    if (upkeep === undefined) throw new Error('no upkeep')
    const moves = await during(cluster, 5_000, movesOf(cluster, upkeep.replace(old, by, {})))
    expect(moves).toEqual(some.map(() => 'moved: +peer_3 -peer_1'))
    for (const cid of some) expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_3'])
    await expect(movesOf(cluster, upkeep.replace(by, by, {}))).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(movesOf(cluster, upkeep.replace(by, old, {}))).rejects.toThrow('is not there to replace another peer')
  })

  it('leaves alone a pin that was changed in between', async () => {
    const cluster = await start(3)
    const { core } = cluster.peer(0)
    const cid = await cidOf('changed')
    await core.pins.pin(pinOf(cid, factors(1, 1)), {})
    cluster.rpc.fate = (_, __, method) => (method === 'PinTracker.Status' ? 'lost' : 'arrives')
    const pages = core.upkeep?.drain(cluster.peer(0).self, {})
    if (pages === undefined) throw new Error('no upkeep')
    const moving = movesOf(cluster, pages)
    await cluster.pass(1_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1'])
    await core.pins.pin({ ...pinOf(cid, factors(1, 1)), allocations: [cluster.peer(2).self] }, {})
    cluster.rpc.fate = () => 'arrives'
    cluster.peer(1).tracker.status = cluster.peer(2).tracker.status.bind(cluster.peer(2).tracker)
    await cluster.pass(20_000)
    expect(await moving).toEqual(['moved: + -'])
    expect(await holders(cluster, cid)).toEqual(['peer_2'])
  })
})

describe('rebalancing', () => {
  it('fills an empty peer, and tells beforehand what it would do', async () => {
    const cluster = await start(3)
    const { core } = cluster.peer(0)
    const some = await cids(30)
    for (const [index, cid] of some.entries()) {
      const allocations = [cluster.peer(index % 2).self]
      await core.pins.pin({ ...pinOf(cid, factors(1, 1)), allocations }, {})
    }
    await cluster.settle()
    const { upkeep } = core
    if (upkeep === undefined) throw new Error('no upkeep')
    const planned = await movesOf(cluster, upkeep.rebalance({ dryRun: true }))
    expect(planned).toHaveLength(10)
    const moves = await during(cluster, 5_000, movesOf(cluster, upkeep.rebalance({})))
    expect(moves.sort()).toEqual(planned.map((move) => move.replace('planned', 'moved')).sort())
    const counts = new Map<string, number>()
    for (const cid of some)
      for (const name of await holders(cluster, cid)) counts.set(name, (counts.get(name) ?? 0) + 1)
    expect([...counts.values()].reduce((a, b) => a + b)).toBe(30)
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(2)
    expect(await movesOf(cluster, upkeep.rebalance({}))).toEqual([])
  })
})

describe('the repair loop, while pins are moved by hand', () => {
  it('leaves alone what is on its way', async () => {
    const cluster = await start(3, repairing({ intervalMs: 100 }))
    const { core } = cluster.peer(0)
    const some = await cids(12)
    const allocations = [cluster.peer(0).self]
    for (const cid of some) await core.pins.pin({ ...pinOf(cid, factors(1, 1)), allocations }, {})
    await cluster.settle()
    // The copies take a while to be seen.
    const slow = cluster.clock.nowMs() + 5_000
    cluster.rpc.fate = (_, __, method) =>
      method === 'PinTracker.Status' && cluster.clock.nowMs() < slow ? 'lost' : 'arrives'
    const { upkeep } = core
    if (upkeep === undefined) throw new Error('no upkeep')
    const moves = await during(cluster, 40_000, movesOf(cluster, upkeep.rebalance({})))
    expect(moves.map((move) => move.replace(/\d/, 'N'))).toEqual(moves.map(() => 'moved: +peer_N -peer_0'))
    expect(moves.length).toBeGreaterThan(5)
    await cluster.pass(20_000)
    expect(await movesOf(cluster, upkeep.rebalance({ dryRun: true }))).toEqual([])
  })
})
