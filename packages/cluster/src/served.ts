import type { AbortOptions } from '@libp2p/interface'
import {
  ClusterError,
  itemsOf,
  TrackerStatus,
  type Cluster,
  type PinsetOperation,
  type RpcHandlers
} from '@cluster/api'
import type { CoreCollaborators } from './collaborators.ts'
import type { ContentDesk } from './content.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { MemberList } from './members.ts'
import type { StatusBoard } from './statuses.ts'

/** What answers the calls. */
export interface ServingParts {
  readonly cluster: Cluster
  readonly members: MemberList
  readonly statuses: StatusBoard
  readonly content: ContentDesk
  readonly heartbeat: Heartbeat
}

type Needs = Pick<CoreCollaborators, 'self' | 'consensus' | 'tracker' | 'ipfs' | 'monitor'>

/**
 * The handlers of RPC methods. Who may call them over the network is the business of `wire` and `rpc`; what a
 * component of ours has no answer for is missing here.
 *
 * @see wire-host-rpc.md §4.2
 */
export function createHandlers(core: Needs, parts: ServingParts): RpcHandlers {
  return {
    ...clusterHandlers(core, parts),
    ...trackerHandlers(core, parts),
    ...ipfsHandlers(core),
    ...consensusHandlers(core),
    'PeerMonitor.LatestMetrics': (name) => Promise.resolve(parts.cluster.health.latestMetrics(name)),
    'PeerMonitor.MetricNames': () => Promise.resolve(core.monitor.metricNames())
  }
}

function clusterHandlers({ self }: Needs, parts: ServingParts): RpcHandlers {
  const { cluster, members, statuses, content, heartbeat } = parts
  const { pins, health } = cluster
  return {
    'Cluster.Alerts': () => Promise.resolve(health.alerts()),
    'Cluster.BandwidthByProtocol': () => Promise.resolve(health.bandwidth()),
    'Cluster.BlockAllocate': (pin, call) => content.blockAllocate(pin, call),
    'Cluster.ConnectGraph': (_, call) => health.connectGraph(call),
    'Cluster.ID': (_, call) => members.id(call),
    async *'Cluster.IDStream'(_, call) {
      yield await members.id(call)
    },
    'Cluster.IPFSID': (peer) => {
      const { ipfsPeerId, ipfsPeerAddresses } = members.lastPing(peer ?? self)
      return Promise.resolve({ id: ipfsPeerId, addresses: ipfsPeerAddresses, error: '' })
    },
    'Cluster.Join': async (address, call) => {
      await cluster.members.join(address, call)
      return undefined
    },
    'Cluster.PeerAdd': (peer, call) => members.add(peer, call),
    'Cluster.PeerRemove': async (peer, call) => {
      await cluster.members.remove(peer, call)
      return undefined
    },
    'Cluster.Peers': (_, call) => members.peers(call),
    async *'Cluster.PeersWithFilter'(args, call) {
      yield* members.peersOf((await first(args)) ?? [], call)
    },
    'Cluster.Pin': (pin, call) => pins.pin(pin, call),
    'Cluster.PinGet': (cid, call) => pins.get(cid, call),
    'Cluster.PinPath': (path, call) => pins.pinPath(path, call),
    'Cluster.Pins': (_, call) => itemsOf(pins.list(call)),
    'Cluster.Recover': (cid, call) => statuses.recover(cid, call),
    'Cluster.RecoverAll': (_, call) => itemsOf(statuses.recoverAll(call)),
    'Cluster.RecoverAllLocal': (_, call) => itemsOf(statuses.recoverAllLocal(call)),
    'Cluster.RecoverLocal': (cid, call) => statuses.recoverLocal(cid, call),
    'Cluster.RepoGC': (_, call) => content.repoGC(call),
    'Cluster.RepoGCLocal': (_, call) => content.repoGCLocal(call),
    'Cluster.SendInformerMetrics': (_, call) => publishInformers(heartbeat, call),
    'Cluster.SendInformersMetrics': (_, call) => publishInformers(heartbeat, call),
    'Cluster.Status': (cid, call) => statuses.status(cid, call),
    async *'Cluster.StatusAll'(args, call) {
      yield* itemsOf(statuses.statusAll(await filterOf(args), call))
    },
    async *'Cluster.StatusAllLocal'(args, call) {
      yield* itemsOf(statuses.statusAllLocal(await filterOf(args), call))
    },
    'Cluster.StatusLocal': (cid, call) => statuses.statusLocal(cid, call),
    'Cluster.Unpin': ({ cid }, call) => pins.unpin(cid, call),
    'Cluster.UnpinPath': ({ path }, call) => pins.unpinPath(path, call),
    'Cluster.Version': () => Promise.resolve(health.version())
  }
}

function trackerHandlers({ tracker }: Needs, { statuses }: ServingParts): RpcHandlers {
  const apply = async (operation: PinsetOperation, options: AbortOptions): Promise<undefined> => {
    await tracker.apply([operation], options)
    return undefined
  }
  return {
    'PinTracker.PinQueueSize': () => Promise.resolve(BigInt(tracker.pinQueueSize())),
    'PinTracker.Recover': (cid, call) => statuses.recoverPart(cid, call),
    'PinTracker.RecoverAll': (_, call) => itemsOf(statuses.recoverAllLocal(call)),
    'PinTracker.Status': (cid, call) => statuses.statusLocal(cid, call),
    async *'PinTracker.StatusAll'(args, call) {
      yield* itemsOf(statuses.statusAllLocal(await filterOf(args), call))
    },
    'PinTracker.Track': (pin, call) => apply({ type: 'pin', pin }, call),
    'PinTracker.Untrack': ({ cid }, call) => apply({ type: 'unpin', cid }, call)
  }
}

function ipfsHandlers({ ipfs }: Needs): RpcHandlers {
  return {
    'IPFSConnector.BlockGet': (cid, call) => ipfs.blockGet(cid, call),
    async *'IPFSConnector.BlockStream'(blocks, call) {
      await ipfs.blockStream(blocks, call)
      // The caller hears nothing but the end.
      yield* []
    },
    'IPFSConnector.Pin': async (pin, call) => {
      await ipfs.pin(pin, call)
      return undefined
    },
    async *'IPFSConnector.PinLs'(args, call) {
      const types = await first(args)
      if (types === undefined) throw new ClusterError('BAD_REQUEST', 'no pinType provided for pin/ls')
      yield* itemsOf(ipfs.pinLs(types.filter(isPinLsType), call))
    },
    'IPFSConnector.PinLsCid': (pin, call) => ipfs.pinLsCid(pin, call),
    'IPFSConnector.RepoStat': (_, call) => ipfs.repoStat(call),
    'IPFSConnector.Resolve': (path, call) => ipfs.resolve(path, call),
    'IPFSConnector.SwarmPeers': (_, call) => ipfs.swarmPeers(call),
    'IPFSConnector.Unpin': async ({ cid }, call) => {
      await ipfs.unpin(cid, call)
      return undefined
    }
  }
}

function consensusHandlers({ consensus }: Needs): RpcHandlers {
  const commit = async (operation: PinsetOperation, options: AbortOptions): Promise<undefined> => {
    const [error] = await consensus.commit([operation], options)
    if (error !== undefined) throw error
    return undefined
  }
  return {
    'Consensus.AddPeer': async (peer, call) => {
      await consensus.addPeer(peer, call)
      return undefined
    },
    'Consensus.LogPin': (pin, call) => commit({ type: 'pin', pin }, call),
    'Consensus.LogUnpin': ({ cid }, call) => commit({ type: 'unpin', cid }, call),
    'Consensus.Peers': (_, call) => consensus.peers(call),
    'Consensus.RmPeer': async (peer, call) => {
      await consensus.rmPeer(peer, call)
      return undefined
    }
  }
}

async function publishInformers(heartbeat: Heartbeat, options: AbortOptions): Promise<undefined> {
  await heartbeat.publishInformers(options)
  return undefined
}

/** The one argument of a streaming method, and the end of its source. */
async function first<T>(args: AsyncIterable<T>): Promise<T | undefined> {
  for await (const argument of args) return argument
  return undefined
}

async function filterOf(args: AsyncIterable<TrackerStatus>): Promise<TrackerStatus> {
  return (await first(args)) ?? TrackerStatus.undefined
}

function isPinLsType(type: string): type is 'recursive' | 'direct' {
  return type === 'recursive' || type === 'direct'
}
