import { ClusterError, pinOf, pinsetKey } from '@cluster/api'
import { MemoryCluster, settle, testPeerId, type MemoryCollaborators } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type ClusterConfig, type Core } from './index.ts'

const CID1 = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const clusters: MemoryCluster<Core>[] = []
const make = (
  peers: number,
  config: Partial<ClusterConfig> = {},
  change: (collaborators: MemoryCollaborators, index: number) => void = () => undefined
): MemoryCluster<Core> => {
  const cluster = new MemoryCluster(
    (collaborators, index): Core => {
      change(collaborators, index)
      return createCluster(collaborators, { ...DEFAULT_CLUSTER_CONFIG, ...config })
    },
    { peers }
  )
  clusters.push(cluster)
  return cluster
}
const addressOf = (cluster: MemoryCluster<Core>, index: number): ReturnType<typeof multiaddr> =>
  multiaddr(`/ip4/127.0.0.1/tcp/${9096 + index}/p2p/${cluster.peer(index).self.toString()}`)

afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.stop()
    await settle()
    expect(cluster.clock.pending).toBe(0)
  }
})

describe('life', () => {
  it('imports the configured addresses and counts who answers as a member at once', async () => {
    const other = testPeerId(77)
    const address = multiaddr(`/ip4/10.0.0.9/tcp/9096/p2p/${other.toString()}`)
    const cluster = make(1, { peerAddresses: [address] }, ({ network }) => {
      network.answering = [other]
    })
    await cluster.start()
    const { network, monitor, consensus } = cluster.peer(0)
    expect(network.imported).toEqual([address])
    const ping = monitor.latestForPeer('ping', other)
    expect([ping?.value, ping?.valid]).toEqual(['', true])
    expect((await consensus.peers()).map(String)).toContain(other.toString())
  })

  it('reconnects known peers every half minute, configured ones every five minutes', async () => {
    const cluster = make(1, { peerAddresses: [multiaddr(`/ip4/10.0.0.9/tcp/1/p2p/${testPeerId(77).toString()}`)] })
    const { network } = cluster.peer(0)
    await cluster.start()
    expect(network.dials.splice(0)).toEqual([{ count: 3, byPriority: true, force: true }])
    await cluster.clock.advance(300_000)
    const [known, configured] = [false, true].map((force) => network.dials.filter((dial) => dial.force === force))
    expect(known).toEqual(Array.from({ length: 10 }, () => ({ count: 100, byPriority: false, force: false })))
    expect(configured).toEqual([{ count: 1, byPriority: true, force: true }])
  })

  it('recovers at once and then at intervals, from the end of one run to the next', async () => {
    const cluster = make(1)
    const { ipfs, tracker } = cluster.peer(0)
    const runs: number[] = []
    const recoverAll = tracker.recoverAll.bind(tracker)
    tracker.recoverAll = (options) => {
      runs.push(cluster.clock.nowMs())
      return recoverAll(options)
    }
    const startMs = cluster.clock.nowMs()
    await cluster.start()
    ipfs.failing.add(pinsetKey(CID1))
    await cluster.peer(0).core.pins.pin(pinOf(CID1), {})
    await cluster.settle()
    ipfs.failing.clear()
    await cluster.pass(DEFAULT_CLUSTER_CONFIG.pinRecoverIntervalMs)
    expect(runs.map((atMs) => atMs - startMs)).toEqual([0, DEFAULT_CLUSTER_CONFIG.pinRecoverIntervalMs])
    expect(await ipfs.pinLsCid(pinOf(CID1), {})).toBe(3)
  })

  it('survives a core whose collaborators fail', async () => {
    const cluster = make(1, {}, ({ network }) => {
      network.bootstrap = () => Promise.reject(new Error('no network'))
      network.savePeerstore = () => Promise.reject(new Error('no disk'))
    })
    await cluster.start()
    const { core, consensus, fatals, lines } = cluster.peer(0)
    await core.health.ready({})
    consensus.peers = () => Promise.reject(new ClusterError('STOPPED', 'consensus is shutdown'))
    await cluster.pass(30_000)
    expect(fatals).toEqual([])
    expect(await Array.fromAsync(core.members.peers({}))).toEqual([])
    await core.stop({})
    expect(lines.map(({ text }) => text)).toContain('the addresses of peers were not saved')
  })

  it('connects the IPFS sides when the connector asks for it', async () => {
    const cluster = make(3)
    await cluster.start()
    const { ipfs } = cluster.peer(0)
    ipfs.safeDispatchEvent('swarms:due')
    await cluster.settle()
    expect(ipfs.connected.map(String).sort()).toEqual(['/ip4/10.0.0.2/tcp/4001', '/ip4/10.0.0.3/tcp/4001'])
  })

  it('remembers what happened', async () => {
    const cluster = make(1)
    await cluster.start()
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(CID1), {})
    await cluster.settle()
    const types = core.events.since(0).map(({ type }) => type)
    // queued, pinning, pinned; they and the word of the pinset come in no order
    expect(types.toSorted()).toEqual(['pinset', 'pinset', 'ready', 'status', 'status', 'status'])
  })
})

describe('joining', () => {
  it('PM-8: a peer that joins is a member, knows the other and gets its pins', async () => {
    const cluster = make(2)
    await cluster.start()
    const [first, second] = [cluster.peer(0), cluster.peer(1)]
    await first.core.pins.pin(pinOf(CID1), {})
    cluster.rpc.calls.length = 0
    const joining = second.core.members.join(addressOf(cluster, 0), {})
    await cluster.settle()
    await joining
    expect(cluster.rpc.calls.map(({ method }) => method).slice(0, 2)).toEqual(['Cluster.PeerAdd', 'Cluster.ID'])
    await cluster.pass(DEFAULT_CLUSTER_CONFIG.monitorPingIntervalMs)
    expect(second.ipfs.connected.map(String)).toEqual(['/ip4/10.0.0.1/tcp/4001'])
    expect(await second.ipfs.pinLsCid(pinOf(CID1), {})).toBe(3)
  })

  it('does nothing towards itself', async () => {
    const cluster = make(1)
    await cluster.start()
    await cluster.peer(0).core.members.join(addressOf(cluster, 0), {})
    expect(cluster.rpc.calls).toEqual([])
  })

  it('PM-2: fails towards a peer that is gone', async () => {
    const cluster = make(2)
    await cluster.start()
    await cluster.kill(0)
    await expect(cluster.peer(1).core.members.join(addressOf(cluster, 0), {})).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE'
    })
  })

  it('PM-1: who adds a peer is among the members that its answer lists', async () => {
    const cluster = make(2)
    await cluster.start()
    const { core, self } = cluster.peer(0)
    const other = cluster.peer(1)
    other.consensus.peers = () => Promise.resolve([other.self])
    const added = await core.members.add(other.self, {})
    expect(added.peername).toBe('peer_1')
    expect(added.clusterPeers?.some((peer) => peer.equals(self))).toBe(true)
    await core.stop({})
    await expect(core.members.add(cluster.peer(1).self, {})).rejects.toThrow('cluster is shutdown')
  })

  it('PM-7: a peer that is removed holds nothing any more', async () => {
    const cluster = make(3, { disableRepinning: false, replicationFactorMin: 2, replicationFactorMax: 2 })
    await cluster.start()
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(CID1), {})
    const gone = cluster.peer(0).self
    await expect(core.members.remove(gone, {})).rejects.toThrow('crdt consensus component cannot remove peers')
    const { allocations } = await core.pins.get(CID1, {})
    expect(allocations).toHaveLength(2)
    expect(allocations?.some((peer) => peer.equals(gone))).toBe(false)
  })
})
