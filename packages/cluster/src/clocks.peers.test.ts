import { pinOf, timestampFromMs, type Metric } from '@cluster/api'
import type { MemoryCluster, MemoryPeer } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { Core } from './index.ts'
import { cids, expire, factors, holders, named, peersOfTest, repairing, shown } from './peers.fixture.ts'

const start = peersOfTest()
const HOUR_MS = 3_600_000

/** The clock of a peer is off: all that it publishes expires so much later, or earlier. */
const skew = ({ monitor }: MemoryPeer<Core>, ms: number): void => {
  const publish = monitor.publishMetric.bind(monitor)
  const shift = (metric: Metric): Metric => ({ ...metric, expire: metric.expire + BigInt(ms) * 1_000_000n })
  monitor.publishMetric = (metric) => publish(shift(metric))
}
const members = async (cluster: MemoryCluster<Core>): Promise<string[]> => {
  const ids = await Array.fromAsync(cluster.peer(0).core.members.peers({}))
  return named(
    cluster,
    ids.map(({ id }) => id)
  ).sort()
}

describe('clocks that are off by hours', () => {
  it('behind: the peer is no member for others, and everything else goes on', async () => {
    const cluster = await start(3, { disableRepinning: false })
    skew(cluster.peer(2), -2 * HOUR_MS)
    await cluster.pass(31_000)
    expect(await members(cluster)).toEqual(['peer_0', 'peer_1'])
    const [cid] = (await cids(1)) as [CID]
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.settle()
    expect(shown(await cluster.peer(0).core.statuses.status(cid, {}))).toEqual({ peer_0: 'pinned', peer_1: 'pinned' })
    await expect(cluster.peer(0).core.pins.pin(pinOf(cid, factors(3, 3)), {})).rejects.toMatchObject({
      code: 'NOT_ENOUGH_PEERS'
    })
  })

  it('ahead: a decision of such a peer holds, and can be taken back by one whose clock is right', async () => {
    const cluster = await start(3)
    const [ahead, right] = [cluster.peer(1), cluster.peer(0)]
    const target = cluster.peer(2).self
    const value = JSON.stringify({
      v: 1,
      ipfs: true,
      repairs: false,
      peers: { [target.toString()]: ['cordoned', cluster.clock.nowMs() + 5 * HOUR_MS, ahead.self.toString()] }
    })
    await ahead.monitor.publishMetric({
      name: 'upkeep',
      peer: ahead.self,
      value,
      expire: timestampFromMs(cluster.clock.nowMs() + HOUR_MS),
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n
    })
    await cluster.settle()
    expect(right.core.upkeep?.services().map(({ state }) => state)).toEqual(['cordoned'])
    await right.core.upkeep?.setService(target, 'active', {})
    await cluster.pass(31_000)
    for (const { core } of cluster.peers) {
      expect(core.upkeep?.services().map(({ state }) => state)).toEqual(['active'])
    }
  })

  it('of the peer itself: absences are counted by how long they last, not by what others say of the time', async () => {
    const cluster = await start(3, repairing({ intervalMs: 5_000, gracePeriodMs: 60_000 }))
    const [cid] = (await cids(1)) as [CID]
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    // From here on it is invisible, as if it were gone for hours already.
    skew(cluster.peer(1), -5 * HOUR_MS)
    await expire(cluster)
    await cluster.pass(20_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_1'])
    await cluster.pass(60_000)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_2'])
  })

  it('set back while peers run: they go on pinging, repairing, recovering and allocating', async () => {
    const cluster = await start(4, { disableRepinning: false })
    const [cid] = (await cids(1)) as [CID]
    await cluster.peer(0).core.pins.pin(pinOf(cid, factors(2, 2)), {})
    await cluster.settle()
    await cluster.pass(31_000)
    cluster.clock.set(-5 * HOUR_MS)
    await cluster.pass(31_000)
    await cluster.kill(1)
    await expire(cluster)
    expect(await holders(cluster, cid)).toEqual(['peer_0', 'peer_2'])
    await cluster.peer(0).ipfs.unpin(cid, {})
    await cluster.pass(HOUR_MS + 60_000)
    expect(shown(await cluster.peer(0).core.statuses.status(cid, {}))).toMatchObject({ peer_0: 'pinned' })
    // For metrics that may still come nobody waits longer than after a start.
    const refused = expect(cluster.peer(0).core.pins.pin(pinOf(cid, factors(4, 4)), {})).rejects.toMatchObject({
      code: 'NOT_ENOUGH_PEERS'
    })
    await cluster.pass(15_000)
    await refused
  })
})

describe('bulletins that are none', () => {
  it.each(['', 'null', '{"v":1,"peers":{"nobody":["draining",1,"nobody"]}}', `{"v":1,"peers":{"x":[]}}`])(
    'change nothing: %j',
    async (value) => {
      const cluster = await start(2)
      await cluster.peer(1).monitor.publishMetric({
        name: 'upkeep',
        peer: cluster.peer(1).self,
        value,
        expire: timestampFromMs(cluster.clock.nowMs() + HOUR_MS),
        valid: true,
        weight: 0n,
        partitionable: false,
        receivedAt: 0n
      })
      await cluster.pass(20_000)
      expect(cluster.peer(0).core.upkeep?.services()).toEqual([])
      expect(cluster.peer(0).lines.filter(({ level }) => level === 'error')).toEqual([])
    }
  )
})
