import { pinOf, type ServiceState } from '@cluster/api'
import type { MemoryCluster } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { Core, CoreMemory } from './index.ts'
import { cids, factors, holders, named, peersOfTest } from './peers.fixture.ts'

const start = peersOfTest()

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
