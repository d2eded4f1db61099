import {
  ClusterError,
  CLUSTER_VERSION,
  comparePinsetOrder,
  pinOf,
  pinsetKey,
  PinType,
  timestampFromMs,
  TrackerStatus
} from '@cluster/api'
import { MemoryCluster, settle, type MemoryCollaborators } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type ClusterConfig, type Core } from './index.ts'

const CID1 = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const CID2 = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmma')

const clusters: MemoryCluster<Core>[] = []
const start = async (config: Partial<ClusterConfig> = {}, peers = 1): Promise<MemoryCluster<Core>> => {
  const make = (core: MemoryCollaborators): Core => createCluster(core, { ...DEFAULT_CLUSTER_CONFIG, ...config })
  const cluster = new MemoryCluster(make, { peers })
  clusters.push(cluster)
  await cluster.start()
  return cluster
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.stop()
    await settle()
    expect(cluster.clock.pending).toBe(0)
  }
})

describe('one peer', () => {
  it('CL-1: stops twice without error', async () => {
    const { core, network } = (await start()).peer(0)
    await core.stop({})
    await core.stop({})
    expect(network.saved).toBe(1)
  })

  it('CL-2: synchronises the state, also after a pin vanished behind its back', async () => {
    const cluster = await start()
    const { core } = cluster.peer(0)
    await core.pins.pin(pinOf(CID1), {})
    await core.syncState({})
    cluster.pinset.apply([{ type: 'unpin', cid: CID1 }])
    await core.syncState({})
    await expect(core.pins.get(CID1, {})).rejects.toThrow('pin is not part of the pinset')
  })

  it('CL-3: says who it is', async () => {
    const { core, self, ipfs } = (await start()).peer(0)
    const id = await core.members.id({})
    expect(id.id).toBe(self)
    expect(id.addresses?.map(String)).toEqual([`/ip4/127.0.0.1/tcp/9096/p2p/${self.toString()}`])
    expect(id.version).toBe(CLUSTER_VERSION)
    expect(id.clusterPeers?.map(String)).toEqual([self.toString()])
    expect(id.ipfs).toEqual(await ipfs.id({}))
  })

  it('CL-3: says so when the IPFS side does not answer', async () => {
    const { core, ipfs } = (await start()).peer(0)
    ipfs.state = 'down'
    const id = await core.members.id({})
    expect([id.error, id.ipfs.error, id.ipfs.id]).toEqual(['', 'connection refused', undefined])
  })

  it('CL-4: pins with empty options as data; fails once the consensus is gone', async () => {
    const { core, consensus } = (await start()).peer(0)
    expect((await core.pins.pin(pinOf(CID1), {})).type).toBe(PinType.data)
    consensus.stop()
    await expect(core.pins.pin(pinOf(CID1, { replicationFactorMin: 1, replicationFactorMax: 1 }), {})).rejects.toThrow(
      'consensus is shutdown'
    )
  })

  it('CL-5: refuses a pin that expires now', async () => {
    const { core, clock } = (await start()).peer(0)
    const expireAt = timestampFromMs(clock.nowMs())
    await expect(core.pins.pin(pinOf(CID1, { expireAt }), {})).rejects.toThrow('pin.ExpireAt set before current time')
  })

  it('CL-6: pins a path, and refuses one of no namespace', async () => {
    const { core } = (await start()).peer(0)
    const path = { ...pinOf(CID2), path: `/ipfs/${CID1.toString()}/im.gif` }
    expect((await core.pins.pinPath(path, {})).cid.equals(CID1)).toBe(true)
    await expect(core.pins.pinPath({ ...path, path: '/invalid/x' }, {})).rejects.toThrow('invalid path')
  })

  it('CL-12, CL-13: lists and gets a pin that everybody holds', async () => {
    const { core } = (await start()).peer(0)
    await core.pins.pin(pinOf(CID1, { name: 'one' }), {})
    const pages = await Array.fromAsync(core.pins.list({}))
    expect(pages.flat().map((pin) => [pin.name, pin.replicationFactorMin, pin.replicationFactorMax])).toEqual([
      ['one', -1, -1]
    ])
    expect((await core.pins.get(CID1, {})).name).toBe('one')
    const missing = core.pins.get(CID2, {})
    await expect(missing).rejects.toMatchObject({ code: 'NOT_IN_PINSET', message: 'pin is not part of the pinset' })
  })

  it('CL-14: unpins what is pinned, and only that', async () => {
    const cluster = await start()
    const { core, consensus, ipfs } = cluster.peer(0)
    await expect(core.pins.unpin(CID1, {})).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
    const pin = await core.pins.pin(pinOf(CID1), {})
    await cluster.settle()
    expect(await ipfs.pinLsCid(pin, {})).toBe(3)
    expect((await core.pins.unpin(CID1, {})).type).toBe(PinType.data)
    await cluster.settle()
    expect(await ipfs.pinLsCid(pin, {})).toBe(5)
    await core.pins.pin(pinOf(CID1), {})
    consensus.stop()
    await expect(core.pins.unpin(CID1, {})).rejects.toThrow('consensus is shutdown')
  })

  it('CL-15: unpins by path', async () => {
    const { core } = (await start()).peer(0)
    const path = `/ipfs/${CID1.toString()}`
    await expect(core.pins.unpinPath(path, {})).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
    await core.pins.pinPath({ ...pinOf(CID1), path }, {})
    expect((await core.pins.unpinPath(path, {})).cid.equals(CID1)).toBe(true)
  })

  it('CL-16, CL-17: is the only peer, of the current version', async () => {
    const { core, self } = (await start()).peer(0)
    const peers = await Array.fromAsync(core.members.peers({}))
    expect(peers.map(({ id }) => id)).toEqual([self])
    expect(core.health.version()).toEqual({ version: '1.1.6' })
    // the consensus of these tests does not tell
    expect(await core.health.consensus({})).toMatchObject({ state: 'unknown', heads: [] })
  })

  it('CL-18: recovers what could not be pinned', async () => {
    const cluster = await start()
    const { core, ipfs } = cluster.peer(0)
    ipfs.failing.add(pinsetKey(CID1))
    await core.pins.pin(pinOf(CID1), {})
    await core.pins.pin(pinOf(CID2), {})
    await cluster.settle()
    const pages = await Array.fromAsync(core.statuses.recoverAll({ local: true }))
    expect(pages.flat().map(({ cid }) => cid.toString())).toEqual([CID1.toString()])
  })

  it('CL-19, CL-20: collects garbage, here and everywhere', async () => {
    const { core, ipfs, self } = (await start()).peer(0)
    ipfs.putBlock(CID1, new Uint8Array([1]))
    ipfs.putBlock(CID2, new Uint8Array())
    const { peerMap } = await core.content.repoGC({})
    const own = peerMap?.get(self.toString())
    expect(own?.error).toBe('')
    expect(own?.peername).toBe('peer_0')
    expect(own?.keys?.map(({ error }) => error)).toEqual(['', 'no link by that name'])
    expect((await core.content.repoGC({ local: true })).peerMap?.get(self.toString())?.keys).toEqual([])
  })

  it('CS-26 to CS-28: a follower writes nothing', async () => {
    const cluster = await start({ followerMode: true })
    const { core } = cluster.peer(0)
    const path = `/ipfs/${CID1.toString()}`
    const refusal = {
      code: 'FOLLOWER',
      message: 'this peer is configured to be in follower mode. Write operations are disabled'
    }
    await expect(core.pins.pin(pinOf(CID1), {})).rejects.toMatchObject(refusal)
    await expect(core.pins.pinPath({ ...pinOf(CID1), path }, {})).rejects.toMatchObject(refusal)
    await expect(core.pins.unpin(CID1, {})).rejects.toMatchObject(refusal)
    await expect(core.pins.unpinPath(path, {})).rejects.toMatchObject(refusal)
    await expect(core.content.allocate(pinOf(CID1))).rejects.toMatchObject(refusal)
  })

  it('NX-9: asks for an end when the consensus does not become ready, and stops', async () => {
    const make = (core: MemoryCollaborators): Core => createCluster(core, DEFAULT_CLUSTER_CONFIG)
    const cluster = new MemoryCluster(make, { peers: 1 })
    clusters.push(cluster)
    const { core, fatals } = cluster.peer(0)
    await core.start({})
    const ready = core.health.ready({})
    await cluster.pass(60_000)
    expect(fatals.map(({ code }) => code)).toEqual(['NOT_READY'])
    await core.stop({})
    await expect(ready).rejects.toMatchObject({ code: 'STOPPED' })
  })

  it('is not ready before its IPFS side', async () => {
    const make = (core: MemoryCollaborators): Core => createCluster(core, DEFAULT_CLUSTER_CONFIG)
    const cluster = new MemoryCluster(make, { peers: 1 })
    clusters.push(cluster)
    const { core, ipfs, consensus, monitor } = cluster.peer(0)
    ipfs.state = 'hung'
    consensus.start()
    await core.start({})
    await cluster.clock.advance(120_000)
    expect(monitor.latestMetrics('ping')).toEqual([])
    const impatient = new AbortController()
    const ready = core.health.ready({ signal: impatient.signal })
    impatient.abort(new ClusterError('ABORTED', 'enough'))
    await expect(ready).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('stops itself when the members no longer count it in', async () => {
    const cluster = await start()
    const { core, consensus, fatals } = cluster.peer(0)
    consensus.peers = () => Promise.resolve([])
    await cluster.pass(5_000)
    expect(fatals.map(({ code }) => code)).toEqual(['STOPPED'])
    expect(core.removed).toBe(true)
  })

  it('does not leave a cluster that has removed it', async () => {
    const cluster = await start({ leaveOnShutdown: true })
    const { core, consensus } = cluster.peer(0)
    let left = 0
    consensus.rmPeer = () => Promise.resolve(void (left += 1))
    consensus.peers = () => Promise.resolve([])
    await cluster.pass(5_000)
    await core.stop({})
    expect([core.removed, left]).toEqual([true, 0])
  })

  it('says that it leaves on shutdown, and that its data go', async () => {
    const { core, lines } = (await start({ leaveOnShutdown: true })).peer(0)
    await core.stop({})
    expect(core.removed).toBe(true)
    expect(lines.map(({ text }) => text)).toContain('attempting to leave the cluster. This may take some seconds')
  })

  it('shows the local status of everything in pinset order', async () => {
    const cluster = await start()
    const { core } = cluster.peer(0)
    for (const cid of [CID1, CID2]) await core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    const pages = await Array.fromAsync(core.statuses.statusAll(TrackerStatus.pinned, { local: true }))
    expect(pages.flat().map(({ cid }) => cid)).toEqual([CID1, CID2].sort(comparePinsetOrder))
  })
})
