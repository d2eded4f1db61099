import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { NodeWithMeta } from './domain/add.ts'
import type { BandwidthByProtocol } from './domain/bandwidth.ts'
import type { ConnectGraph } from './domain/connect-graph.ts'
import type { ID, IPFSID, Version } from './domain/id.ts'
import type { IPFSPinInfo, IPFSPinStatus } from './domain/ipfs-pin-status.ts'
import type { Alert, Metric } from './domain/metric.ts'
import type { GlobalPinInfo, PinInfo } from './domain/pin-info.ts'
import type { Pin, PinPath } from './domain/pin.ts'
import type { GlobalRepoGC, IPFSRepoStat, RepoGC } from './domain/repo.ts'
import type { TrackerStatus } from './domain/tracker-status.ts'

/** The argument or reply that carries nothing. */
export type Empty = undefined
interface Unary<A, R> {
  mode: 'unary'
  argument: A
  reply: R
}
interface Streaming<A, R> {
  mode: 'streaming'
  argument: A
  reply: R
}

/**
 * Every RPC method: its mode, argument and reply; of streaming methods the types of the items. Codecs and the class of
 * callers are in `@cluster/wire`.
 *
 * @see wire-host-rpc.md §4.2
 */
export interface RpcMethods {
  'Cluster.Alerts': Unary<Empty, readonly Alert[] | undefined>
  'Cluster.BandwidthByProtocol': Unary<Empty, BandwidthByProtocol | undefined>
  'Cluster.BlockAllocate': Unary<Pin, readonly PeerId[] | undefined>
  'Cluster.ConnectGraph': Unary<Empty, ConnectGraph>
  'Cluster.ID': Unary<Empty, ID>
  'Cluster.IDStream': Streaming<Empty, ID>
  'Cluster.IPFSID': Unary<PeerId | undefined, IPFSID>
  'Cluster.Join': Unary<Multiaddr, Empty>
  'Cluster.PeerAdd': Unary<PeerId, ID>
  'Cluster.PeerRemove': Unary<PeerId, Empty>
  'Cluster.Peers': Streaming<Empty, ID>
  'Cluster.PeersWithFilter': Streaming<readonly PeerId[] | undefined, ID>
  'Cluster.Pin': Unary<Pin, Pin>
  'Cluster.PinGet': Unary<CID, Pin>
  'Cluster.PinPath': Unary<PinPath, Pin>
  'Cluster.Pins': Streaming<Empty, Pin>
  'Cluster.Recover': Unary<CID, GlobalPinInfo>
  'Cluster.RecoverAll': Streaming<Empty, GlobalPinInfo>
  'Cluster.RecoverAllLocal': Streaming<Empty, PinInfo>
  'Cluster.RecoverLocal': Unary<CID, PinInfo>
  'Cluster.RepoGC': Unary<Empty, GlobalRepoGC>
  'Cluster.RepoGCLocal': Unary<Empty, RepoGC>
  'Cluster.SendInformerMetrics': Unary<Empty, Empty>
  'Cluster.SendInformersMetrics': Unary<Empty, Empty>
  'Cluster.Status': Unary<CID, GlobalPinInfo>
  'Cluster.StatusAll': Streaming<TrackerStatus, GlobalPinInfo>
  'Cluster.StatusAllLocal': Streaming<TrackerStatus, PinInfo>
  'Cluster.StatusLocal': Unary<CID, PinInfo>
  'Cluster.Unpin': Unary<Pin, Pin>
  'Cluster.UnpinPath': Unary<PinPath, Pin>
  'Cluster.Version': Unary<Empty, Version>
  'PinTracker.PinQueueSize': Unary<Empty, bigint>
  'PinTracker.Recover': Unary<CID, PinInfo>
  'PinTracker.RecoverAll': Streaming<Empty, PinInfo>
  'PinTracker.Status': Unary<CID, PinInfo>
  'PinTracker.StatusAll': Streaming<TrackerStatus, PinInfo>
  'PinTracker.Track': Unary<Pin, Empty>
  'PinTracker.Untrack': Unary<Pin, Empty>
  'IPFSConnector.BlockGet': Unary<CID, Uint8Array | undefined>
  'IPFSConnector.BlockStream': Streaming<NodeWithMeta, Empty>
  'IPFSConnector.ConfigKey': Unary<string, unknown>
  'IPFSConnector.Pin': Unary<Pin, Empty>
  'IPFSConnector.PinLs': Streaming<readonly string[] | undefined, IPFSPinInfo>
  'IPFSConnector.PinLsCid': Unary<Pin, IPFSPinStatus>
  'IPFSConnector.RepoStat': Unary<Empty, IPFSRepoStat>
  'IPFSConnector.Resolve': Unary<string, CID>
  'IPFSConnector.SwarmPeers': Unary<Empty, readonly PeerId[] | undefined>
  'IPFSConnector.Unpin': Unary<Pin, Empty>
  'Consensus.AddPeer': Unary<PeerId, Empty>
  'Consensus.LogPin': Unary<Pin, Empty>
  'Consensus.LogUnpin': Unary<Pin, Empty>
  'Consensus.Peers': Unary<Empty, readonly PeerId[] | undefined>
  'Consensus.RmPeer': Unary<PeerId, Empty>
  'PeerMonitor.LatestMetrics': Unary<string, readonly Metric[] | undefined>
  'PeerMonitor.MetricNames': Unary<Empty, readonly string[] | undefined>
}

/** The name of an RPC method, `Service.Method`. */
export type RpcMethod = keyof RpcMethods
/** The methods with one argument and one reply. */
export type UnaryMethod = { [M in RpcMethod]: RpcMethods[M]['mode'] extends 'unary' ? M : never }[RpcMethod]
/** The methods with a stream of arguments and a stream of replies. */
export type StreamingMethod = Exclude<RpcMethod, UnaryMethod>

/**
 * Who may call a method over the network: nobody, peers that the consensus trusts, or whoever can connect.
 *
 * @see wire-host-rpc.md §4.1
 */
export type RpcPolicy = 'closed' | 'trusted' | 'open'

/** Who asks, and when to give up: what a handler knows besides the argument. */
export interface RpcCall {
  readonly peer: PeerId
  readonly signal: AbortSignal
}

/** The handlers of RPC methods, as data; a method without one answers as a peer without that component does. */
export type RpcHandlers = {
  readonly [M in RpcMethod]?: RpcMethods[M]['mode'] extends 'unary'
    ? (argument: RpcMethods[M]['argument'], call: RpcCall) => Promise<RpcMethods[M]['reply']>
    : (args: AsyncIterable<RpcMethods[M]['argument']>, call: RpcCall) => AsyncIterable<RpcMethods[M]['reply']>
}
