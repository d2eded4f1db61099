import { pinOf, pinsetKey, type Move, type Pages, type ServiceState } from '@cluster/api'
import type { MemoryCluster, MemoryPeer } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { closestAmong } from './distance.ts'
import { DEFAULT_CLUSTER_CONFIG, type Core, type CoreMemory, type RepairConfig } from './index.ts'
import { all, cidOf, cids, expire, factors, named, peersOfTest, shown } from './peers.fixture.ts'

const start = peersOfTest()
const repairing = (repair: Partial<RepairConfig>): { repair: RepairConfig } => ({
  repair: { ...DEFAULT_CLUSTER_CONFIG.repair, ...repair }
})

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
const holders = async (cluster: MemoryCluster<Core>, cid: CID): Promise<string[]> =>
  named(cluster, (await cluster.peer(0).core.pins.get(cid, {})).allocations).sort()
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

describe('a cordoned peer', () => {
  const setTo = async (cluster: MemoryCluster<Core>, at: number, peer: number, state: ServiceState): Promise<void> => {
    await cluster.peer(at).core.upkeep?.setService(cluster.peer(peer).self, state, {})
    await cluster.settle()
  }
  const states = (cluster: MemoryCluster<Core>): string[] =>
    cluster.peers.map(({ core }) => (core.upkeep?.services() ?? []).map(({ state }) => state).join())

  it('takes no new pins, keeps those it has, and can be released at any peer', async () => {
    const cluster = await start(3)
    const [held, next, last] = (await cids(3)) as [CID, CID, CID]
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(held, factors(1, 1)), {})
    expect(await holders(cluster, held)).toEqual(['peer_0'])
    await setTo(cluster, 1, 0, 'cordoned')
    expect(states(cluster)).toEqual(['cordoned', 'cordoned', 'cordoned'])
    // Also once its metrics for allocations, which it withholds from now on, have expired.
    await cluster.pass(31_000)
    await core.pins.pin(pinOf(next, factors(1, 1)), {})
    expect(await holders(cluster, next)).toEqual(['peer_1'])
    await core.pins.pin(pinOf(held, { ...factors(1, 2), name: 'again' }), {})
    expect(await holders(cluster, held)).toEqual(['peer_0'])
    await setTo(cluster, 2, 0, 'active')
    expect(states(cluster)).toEqual(['active', 'active', 'active'])
    await cluster.pass(16_000)
    await core.pins.pin(pinOf(last, factors(1, 1)), {})
    expect(await holders(cluster, last)).toEqual(['peer_0'])
  })

  it('withholds what peers of the reference choose by', async () => {
    const cluster = await start(2)
    await setTo(cluster, 0, 1, 'cordoned')
    await cluster.pass(31_000)
    const publishers = (name: string): string[] =>
      named(
        cluster,
        cluster
          .peer(0)
          .monitor.latestMetrics(name)
          .map(({ peer }) => peer)
      ).sort()
    expect([publishers('ping'), publishers('freespace')]).toEqual([['peer_0', 'peer_1'], ['peer_0']])
  })

  it('is cordoned after a restart of all that knew it', async () => {
    let stored: Uint8Array | undefined
    const memory: CoreMemory = {
      load: () => Promise.resolve(stored),
      save: (value) => {
        stored = value
        return Promise.resolve()
      }
    }
    const first = await start(2, {}, {}, undefined, memory)
    await setTo(first, 0, 1, 'draining')
    const second = await start(2, {}, {}, undefined, memory)
    await second.pass(16_000)
    expect(states(second)).toEqual(['draining', 'draining'])
  })

  it('cannot be cordoned by a peer that is not trusted, nor by a follower', async () => {
    const cluster = await start(
      3,
      {},
      { consensus: { isTrusted: (peer) => !peer.equals(cluster.peer(1).self) } },
      (index) => ({ followerMode: index === 2 })
    )
    await setTo(cluster, 1, 0, 'cordoned')
    await cluster.pass(20_000)
    expect(states(cluster)).toEqual(['', 'cordoned', ''])
    await expect(setTo(cluster, 2, 0, 'cordoned')).rejects.toMatchObject({ code: 'FOLLOWER' })
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

describe('explaining', () => {
  it('says of every peer why it was, or was not, chosen', async () => {
    const cluster = await start(5, { ...repairing({ minFreeSpace: 997 }) })
    const { core } = cluster.peer(0)
    const cid = await cidOf('explained')
    const { upkeep } = core
    if (upkeep === undefined) throw new Error('no upkeep')
    await core.pins.pin(pinOf(cid, factors(1, 1)), {})
    await upkeep.setService(cluster.peer(1).self, 'cordoned', {})
    cluster.peer(3).informers[0].weight = undefined
    await cluster.pass(31_000)
    const explanation = await upkeep.explain({ cid, options: pinOf(cid, factors(2, 3)) })
    const lines = explanation.peers.map(({ peername, verdict, chosen, place }) => [peername, verdict, chosen, place])
    expect(lines.sort()).toEqual([
      ['peer_0', 'current', true, -1],
      ['peer_1', 'cordoned', false, -1],
      ['peer_2', 'candidate', true, 0],
      ['peer_3', 'incomplete', false, -1],
      ['peer_4', 'full', false, -1]
    ])
    expect(explanation.error).toBe('')
    expect(named(cluster, explanation.allocations)).toEqual(['peer_0', 'peer_2'])
    const reasons = new Map(explanation.peers.map(({ peername, reason }) => [peername, reason]))
    expect(reasons.get('peer_3')).toBe('it does not publish freespace: its disk may be full, or its IPFS daemon down')
    // As it is: nothing changes.
    expect(named(cluster, (await upkeep.explain({ cid })).allocations)).toEqual(['peer_0'])
    expect(await holders(cluster, cid)).toEqual(['peer_0'])
  })

  it('explains a pin that is only imagined, and one that cannot be', async () => {
    const cluster = await start(2)
    const { upkeep } = cluster.peer(0).core
    if (upkeep === undefined) throw new Error('no upkeep')
    const everywhere = await upkeep.explain({})
    expect(everywhere.peers.map(({ chosen, reason }) => [chosen, reason])).toEqual(
      cluster.peers.map(() => [true, 'every peer holds it'])
    )
    const impossible = await upkeep.explain({ options: pinOf(await cidOf('x'), factors(3, 3)) })
    expect(impossible.error).toContain('not enough peers to allocate CID. Needed at least: 3.')
    await expect(upkeep.explain({ cid: await cidOf('unknown') })).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
  })
})
