import type { RpcMethod, RpcMethods, RpcPolicy } from '@cluster/api'
import { any, array, bytes, empty, int64, string, type Codec } from '@cluster/msgpack'
import { nodeWithMetaForm } from './add.ts'
import { list, present } from './form.ts'
import { alertForm, metricForm } from './metric.ts'
import { bandwidthByProtocolForm, connectGraphForm, idForm, ipfsIdForm, versionForm } from './peers.ts'
import { globalPinInfoForm, ipfsPinInfoForm, pinInfoForm } from './pin-info.ts'
import { pinForm, pinPathForm } from './pin.ts'
import { globalRepoGcForm, ipfsRepoStatForm, repoGcForm } from './repo.ts'
import * as scalars from './scalars.ts'

/** How one method of the RPC is called, by whom, and what travels; of streaming methods the types of the items. */
export interface RpcMethodDescription<M extends RpcMethod> {
  readonly mode: RpcMethods[M]['mode']
  /** Who may call it over the network. */
  readonly policy: RpcPolicy
  readonly argument: Codec<RpcMethods[M]['argument']>
  /** Not for the data after an error: that is nil, or a reply that is not filled. */
  readonly reply: Codec<RpcMethods[M]['reply']>
}

const pin = pinForm.msgpack
const pinPath = pinPathForm.msgpack
const pinInfo = pinInfoForm.msgpack
const globalPinInfo = globalPinInfoForm.msgpack
const ipfsPinInfo = ipfsPinInfoForm.msgpack
const ipfsPinStatus = scalars.ipfsPinStatus.msgpack
const ipfsRepoStat = ipfsRepoStatForm.msgpack
const repoGc = repoGcForm.msgpack
const globalRepoGc = globalRepoGcForm.msgpack
const status = scalars.trackerStatus.msgpack
const id = idForm.msgpack
const ipfsId = ipfsIdForm.msgpack
const version = versionForm.msgpack
const connectGraph = connectGraphForm.msgpack
const bandwidth = bandwidthByProtocolForm.msgpack
const block = nodeWithMetaForm.msgpack
const alerts = list(alertForm).msgpack
const metrics = list(metricForm).msgpack
const cid = present('CID', scalars.cid).msgpack
const address = present('multiaddress', scalars.address).msgpack
const peerId = present('peer ID', scalars.peer).msgpack
const anyPeerId = scalars.peer.msgpack
const peerIds = list(present('peer ID', scalars.peer)).msgpack
const strings = array(string)

/**
 * The methods of the RPC. A method that is not here is refused.
 *
 * @see wire-host-rpc.md §4.2
 */
export const rpcMethods: { readonly [M in RpcMethod]: RpcMethodDescription<M> } = Object.freeze({
  'Cluster.Alerts': unary('closed', empty, alerts),
  'Cluster.BandwidthByProtocol': unary('closed', empty, bandwidth),
  'Cluster.BlockAllocate': unary('closed', pin, peerIds),
  'Cluster.ConnectGraph': unary('closed', empty, connectGraph),
  'Cluster.ID': unary('open', empty, id),
  'Cluster.IDStream': streaming('open', empty, id),
  'Cluster.IPFSID': unary('closed', anyPeerId, ipfsId),
  'Cluster.Join': unary('closed', address, empty),
  'Cluster.PeerAdd': unary('open', peerId, id),
  'Cluster.PeerRemove': unary('trusted', peerId, empty),
  'Cluster.Peers': streaming('trusted', empty, id),
  'Cluster.PeersWithFilter': streaming('closed', peerIds, id),
  'Cluster.Pin': unary('closed', pin, pin),
  'Cluster.PinGet': unary('closed', cid, pin),
  'Cluster.PinPath': unary('closed', pinPath, pin),
  'Cluster.Pins': streaming('closed', empty, pin),
  'Cluster.Recover': unary('closed', cid, globalPinInfo),
  'Cluster.RecoverAll': streaming('closed', empty, globalPinInfo),
  'Cluster.RecoverAllLocal': streaming('trusted', empty, pinInfo),
  'Cluster.RecoverLocal': unary('trusted', cid, pinInfo),
  'Cluster.RepoGC': unary('closed', empty, globalRepoGc),
  'Cluster.RepoGCLocal': unary('trusted', empty, repoGc),
  'Cluster.SendInformerMetrics': unary('closed', empty, empty),
  'Cluster.SendInformersMetrics': unary('closed', empty, empty),
  'Cluster.Status': unary('closed', cid, globalPinInfo),
  'Cluster.StatusAll': streaming('closed', status, globalPinInfo),
  'Cluster.StatusAllLocal': streaming('closed', status, pinInfo),
  'Cluster.StatusLocal': unary('closed', cid, pinInfo),
  'Cluster.Unpin': unary('closed', pin, pin),
  'Cluster.UnpinPath': unary('closed', pinPath, pin),
  'Cluster.Version': unary('open', empty, version),
  'PinTracker.PinQueueSize': unary('closed', empty, int64),
  'PinTracker.Recover': unary('trusted', cid, pinInfo),
  'PinTracker.RecoverAll': streaming('closed', empty, pinInfo),
  'PinTracker.Status': unary('trusted', cid, pinInfo),
  'PinTracker.StatusAll': streaming('trusted', status, pinInfo),
  'PinTracker.Track': unary('closed', pin, empty),
  'PinTracker.Untrack': unary('closed', pin, empty),
  'IPFSConnector.BlockGet': unary('closed', cid, bytes),
  'IPFSConnector.BlockStream': streaming('trusted', block, empty),
  'IPFSConnector.ConfigKey': unary('closed', string, any),
  'IPFSConnector.Pin': unary('closed', pin, empty),
  'IPFSConnector.PinLs': streaming('closed', strings, ipfsPinInfo),
  'IPFSConnector.PinLsCid': unary('closed', pin, ipfsPinStatus),
  'IPFSConnector.RepoStat': unary('trusted', empty, ipfsRepoStat),
  'IPFSConnector.Resolve': unary('closed', string, cid),
  'IPFSConnector.SwarmPeers': unary('trusted', empty, peerIds),
  'IPFSConnector.Unpin': unary('closed', pin, empty),
  'Consensus.AddPeer': unary('trusted', peerId, empty),
  'Consensus.LogPin': unary('trusted', pin, empty),
  'Consensus.LogUnpin': unary('trusted', pin, empty),
  'Consensus.Peers': unary('closed', empty, peerIds),
  'Consensus.RmPeer': unary('trusted', peerId, empty),
  'PeerMonitor.LatestMetrics': unary('closed', string, metrics),
  'PeerMonitor.MetricNames': unary('closed', empty, strings)
})

interface Description<Mode, A, R> {
  readonly mode: Mode
  readonly policy: RpcPolicy
  readonly argument: Codec<A>
  readonly reply: Codec<R>
}

function unary<A, R>(policy: RpcPolicy, argument: Codec<A>, reply: Codec<R>): Description<'unary', A, R> {
  return { mode: 'unary', policy, argument, reply }
}

function streaming<A, R>(policy: RpcPolicy, argument: Codec<A>, reply: Codec<R>): Description<'streaming', A, R> {
  return { mode: 'streaming', policy, argument, reply }
}
