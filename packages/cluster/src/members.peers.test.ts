import { pinOf } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { cidOf, expire, factors, named, peersOfTest } from './peers.fixture.ts'

const start = peersOfTest()

describe('the members of a cluster', () => {
  it('CS-2: each sees all, as they describe themselves', async () => {
    const cluster = await start(3)
    for (const { core } of cluster.peers) {
      const ids = await Array.fromAsync(core.members.peers({}))
      expect(
        named(
          cluster,
          ids.map(({ id }) => id)
        ).sort()
      ).toEqual(['peer_0', 'peer_1', 'peer_2'])
      for (const { id, error, ipfs } of ids) {
        const peer = cluster.peers.find(({ self }) => self.equals(id))
        expect([error, ipfs]).toEqual(['', await peer?.ipfs.id({})])
      }
    }
  })

  it('shows a peer that cannot be asked with its error, and leaves out one that refuses', async () => {
    const cluster = await start(4)
    cluster.rpc.fate = (_, to) =>
      to.equals(cluster.peer(1).self) ? 'lost' : to.equals(cluster.peer(2).self) ? 'refused' : 'hangs'
    const listing = Array.fromAsync(cluster.peer(0).core.members.peers({}))
    await cluster.pass(15_000)
    const ids = await listing
    expect(Object.fromEntries(ids.map(({ id, error }) => [named(cluster, [id])[0], error]))).toEqual({
      peer_0: '',
      peer_1: `failed to dial: ${cluster.peer(1).self.toString()}`,
      peer_3: 'context deadline exceeded'
    })
  })

  it('counts only members where the consensus keeps them in its log', async () => {
    const cluster = await start(3, {}, { consensus: { traits: { membership: 'log' } } })
    const [first, second, stranger] = cluster.peers.map(({ self }) => self)
    for (const { consensus } of cluster.peers) {
      consensus.peers = () => Promise.resolve([first, second].filter((peer) => peer !== undefined))
    }
    await cluster.pass(5_000)
    const { core, monitor } = cluster.peer(0)
    expect(monitor.latestMetrics('ping')).toHaveLength(3)
    expect(
      named(
        cluster,
        core.health.latestMetrics('ping').map(({ peer }) => peer)
      ).sort()
    ).toEqual(['peer_0', 'peer_1'])
    await cluster.pass(10_000)
    await expect(core.pins.pin(pinOf(await cidOf('log'), factors(3, 3)), {})).rejects.toThrow(
      'Available candidates: 2.'
    )
    await cluster.kill(2)
    await expire(cluster)
    expect(core.health.alerts().filter(({ peer }) => stranger?.equals(peer) === true)).toEqual([])
  })

  it('CS-22, CS-23: draws the graph of connections', async () => {
    const cluster = await start(3)
    const graph = await cluster.peer(0).core.health.connectGraph({})
    expect([...(graph.idToPeername?.values() ?? [])].sort()).toEqual(['peer_0', 'peer_1', 'peer_2'])
    for (const links of graph.clusterLinks?.values() ?? []) expect(links).toHaveLength(2)
    expect([...(graph.clusterTrustLinks?.values() ?? [])]).toEqual([true, true, true])
    expect(graph.clusterToIpfs?.size).toBe(3)
    await cluster.kill(2)
    const halved = await cluster.peer(0).core.health.connectGraph({})
    expect(halved.clusterLinks?.get(cluster.peer(2).self.toString())).toEqual([])
    expect(halved.idToPeername?.get(cluster.peer(2).self.toString())).toBe('')
  })

  it('gives up on a peer that freezes while it collects garbage', async () => {
    const cluster = await start(3)
    cluster.rpc.fate = (_, to, method) =>
      to.equals(cluster.peer(1).self) || (to.equals(cluster.peer(2).self) && method === 'Cluster.RepoGCLocal')
        ? 'hangs'
        : 'arrives'
    let answer: unknown
    const collection = cluster.peer(0).core.content.repoGC({})
    void collection.then((collected) => (answer = collected))
    await cluster.pass(60_000)
    expect(answer).toBeUndefined()
    cluster.rpc.fate = () => 'hangs'
    await cluster.pass(30_000)
    const { peerMap } = await collection
    expect([...(peerMap?.values() ?? [])].map(({ peername, error }) => [peername, error]).sort()).toEqual([
      ['peer_0', ''],
      ['peer_1', 'the peer does not answer any more: context deadline exceeded'],
      ['peer_2', 'the peer does not answer any more: context deadline exceeded']
    ])
  })

  it('CS-25: collects garbage everywhere; a peer that cannot has its error', async () => {
    const cluster = await start(3)
    cluster.peer(1).ipfs.state = 'down'
    await cluster.kill(2)
    const { peerMap } = await cluster.peer(0).core.content.repoGC({})
    expect([...(peerMap?.values() ?? [])].map(({ peername, error }) => [peername, error]).sort()).toEqual([
      ['peer_0', ''],
      ['peer_1', 'connection refused'],
      ['peer_2', `failed to dial: ${cluster.peer(2).self.toString()}`]
    ])
  })
})
