import { pinOf, TrackerStatus, type RpcCall, type RpcHandlers, type RpcMethod } from '@cluster/api'
import { MemoryCluster, type MemoryCollaborators } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NO_ARGUMENTS, oneArgument } from './ask.ts'
import { createCluster, DEFAULT_CLUSTER_CONFIG, type Core } from './index.ts'

const CID1 = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const CID2 = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmma')
const PATH = { ...pinOf(CID1), path: `/ipfs/${CID1.toString()}` }

let cluster: MemoryCluster<Core>
let call: RpcCall
beforeEach(async () => {
  const make = (core: MemoryCollaborators): Core => createCluster(core, DEFAULT_CLUSTER_CONFIG)
  cluster = new MemoryCluster(make, { peers: 2 })
  await cluster.start()
  await cluster.peer(0).core.pins.pin(pinOf(CID1), {})
  await cluster.settle()
  call = { peer: cluster.peer(1).self, signal: new AbortController().signal }
})
afterEach(async () => {
  await cluster.stop()
})

/** A handler of the first peer; a missing one fails the test. */
const handler = <M extends RpcMethod>(method: M): NonNullable<RpcHandlers[M]> => {
  const found = cluster.peer(0).core.handlers[method]
  if (found === undefined) throw new Error(`there is no handler of ${method}`)
  return found
}

describe('handlers of RPC methods', () => {
  it('exist for all that peers of the reference call over the network', () => {
    const called: RpcMethod[] = [
      'Cluster.ID',
      'Cluster.IDStream',
      'Cluster.PeerAdd',
      'Cluster.Peers',
      'Cluster.PeerRemove',
      'Cluster.RecoverAllLocal',
      'Cluster.RecoverLocal',
      'Cluster.RepoGCLocal',
      'Cluster.Version',
      'PinTracker.Status',
      'PinTracker.StatusAll',
      'PinTracker.Recover',
      'IPFSConnector.BlockStream',
      'IPFSConnector.RepoStat',
      'IPFSConnector.SwarmPeers',
      'Consensus.AddPeer',
      'Consensus.LogPin',
      'Consensus.LogUnpin',
      'Consensus.RmPeer'
    ]
    for (const method of called) expect(handler(method)).toBeTypeOf('function')
  })

  it('say who is there', async () => {
    const { self } = cluster.peer(0)
    const id = await handler('Cluster.ID')(undefined, call)
    expect(id.id).toBe(self)
    expect(await Array.fromAsync(handler('Cluster.IDStream')(NO_ARGUMENTS, call))).toEqual([id])
    expect(await Array.fromAsync(handler('Cluster.Peers')(NO_ARGUMENTS, call))).toHaveLength(2)
    const some = oneArgument([self])
    expect(await Array.fromAsync(handler('Cluster.PeersWithFilter')(some, call))).toEqual([id])
    expect(await handler('Cluster.Version')(undefined, call)).toEqual({ version: '1.1.6' })
    expect((await handler('Consensus.Peers')(undefined, call))?.length).toBe(2)
    expect((await handler('Cluster.PeerAdd')(call.peer, call)).peername).toBe('peer_1')
    const own = await handler('Cluster.IPFSID')(undefined, call)
    expect(own.id?.toString()).toBe(id.ipfs.id?.toString())
    expect((await handler('Cluster.ConnectGraph')(undefined, call)).clusterId).toBe(self)
    await handler('Cluster.Join')(multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${self.toString()}`), call)
    await expect(handler('Cluster.PeerRemove')(call.peer, call)).rejects.toThrow('cannot remove peers')
  })

  it('read and write the pinset', async () => {
    expect((await handler('Cluster.PinGet')(CID1, call)).cid).toEqual(CID1)
    await handler('Cluster.Pin')(pinOf(CID2), call)
    expect(await Array.fromAsync(handler('Cluster.Pins')(NO_ARGUMENTS, call))).toHaveLength(2)
    await handler('Cluster.Unpin')(pinOf(CID2), call)
    await handler('Cluster.UnpinPath')(PATH, call)
    expect(await Array.fromAsync(handler('Cluster.Pins')(NO_ARGUMENTS, call))).toEqual([])
    expect((await handler('Cluster.PinPath')(PATH, call)).cid).toEqual(CID1)
    await handler('Consensus.LogUnpin')(pinOf(CID1), call)
    await handler('Consensus.LogPin')(pinOf(CID2), call)
    expect((await handler('Cluster.PinGet')(CID2, call)).cid).toEqual(CID2)
    expect(await handler('Cluster.BlockAllocate')(pinOf(CID2), call)).toHaveLength(2)
    cluster.peer(0).consensus.stop()
    await expect(handler('Consensus.LogPin')(pinOf(CID2), call)).rejects.toThrow('consensus is shutdown')
  })

  it('give statuses, local and merged', async () => {
    const filter = (): AsyncIterable<TrackerStatus> => oneArgument(TrackerStatus.pinned)
    expect((await handler('PinTracker.Status')(CID1, call)).peername).toBe('peer_0')
    expect((await handler('Cluster.StatusLocal')(CID1, call)).status).toBe(TrackerStatus.pinned)
    expect((await handler('Cluster.Status')(CID1, call)).peerMap?.size).toBe(2)
    expect(await Array.fromAsync(handler('PinTracker.StatusAll')(filter(), call))).toHaveLength(1)
    expect(await Array.fromAsync(handler('Cluster.StatusAllLocal')(filter(), call))).toHaveLength(1)
    const [global] = await Array.fromAsync(handler('Cluster.StatusAll')(filter(), call))
    expect(global?.peerMap?.size).toBe(2)
    expect((await handler('PinTracker.Recover')(CID2, call)).status).toBe(TrackerStatus.unpinned)
    expect((await handler('Cluster.RecoverLocal')(CID1, call)).status).toBe(TrackerStatus.pinned)
    await expect(handler('Cluster.RecoverLocal')(CID2, call)).rejects.toThrow('pin is not part of the pinset')
    expect((await handler('Cluster.Recover')(CID1, call)).peerMap?.size).toBe(2)
    expect(await Array.fromAsync(handler('Cluster.RecoverAll')(NO_ARGUMENTS, call))).toEqual([])
    for (const method of ['Cluster.RecoverAllLocal', 'PinTracker.RecoverAll'] as const) {
      expect(await Array.fromAsync(handler(method)(NO_ARGUMENTS, call))).toEqual([])
    }
  })

  it('reach the tracker and the IPFS side', async () => {
    const { ipfs, tracker } = cluster.peer(0)
    const everywhere = { replicationFactorMin: -1, replicationFactorMax: -1 }
    await handler('PinTracker.Track')(pinOf(CID2, everywhere), call)
    await tracker.idle()
    expect(await handler('IPFSConnector.PinLsCid')(pinOf(CID2), call)).toBe(3)
    await handler('PinTracker.Untrack')(pinOf(CID2), call)
    await tracker.idle()
    expect(await handler('PinTracker.PinQueueSize')(undefined, call)).toBe(0n)
    await handler('IPFSConnector.Pin')(pinOf(CID2), call)
    expect(await Array.fromAsync(handler('IPFSConnector.PinLs')(oneArgument(['recursive']), call))).toHaveLength(2)
    await handler('IPFSConnector.Unpin')(pinOf(CID2), call)
    await expect(Array.fromAsync(handler('IPFSConnector.PinLs')(noTypes(), call))).rejects.toThrow(
      'no pinType provided for pin/ls'
    )
    const block = { cid: CID2, data: new Uint8Array([7]), cumSize: 1n }
    expect(await Array.fromAsync(handler('IPFSConnector.BlockStream')(oneArgument(block), call))).toEqual([])
    expect(await handler('IPFSConnector.BlockGet')(CID2, call)).toEqual(block.data)
    expect(await handler('IPFSConnector.Resolve')(PATH.path, call)).toEqual(CID1)
    expect(await handler('IPFSConnector.RepoStat')(undefined, call)).toEqual(await ipfs.repoStat({}))
    expect(await handler('IPFSConnector.SwarmPeers')(undefined, call)).toEqual([])
    expect((await handler('Cluster.RepoGCLocal')(undefined, call)).keys).toHaveLength(1)
    expect((await handler('Cluster.RepoGC')(undefined, call)).peerMap?.size).toBe(2)
  })

  it('show the metrics', async () => {
    expect(await handler('PeerMonitor.MetricNames')(undefined, call)).toEqual(['ping', 'freespace'])
    expect(await handler('PeerMonitor.LatestMetrics')('ping', call)).toHaveLength(2)
    expect(await handler('Cluster.Alerts')(undefined, call)).toEqual([])
    expect(await handler('Cluster.BandwidthByProtocol')(undefined, call)).toBeUndefined()
    await handler('Cluster.SendInformersMetrics')(undefined, call)
    await handler('Cluster.SendInformerMetrics')(undefined, call)
  })
})

const noTypes = (): AsyncIterable<readonly string[] | undefined> => NO_ARGUMENTS
