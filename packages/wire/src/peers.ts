import type { BandwidthByProtocol, Bandwidth, ConnectGraph, ID, IPFSID, Version } from '@cluster/api'
import { at, complete, list, mapOf, present, record, type Form, type Loose } from './form.ts'
import { address, bool, float64, int64, peer, string } from './scalars.ts'

const peers = list(present('peer ID', peer))
const addresses = list(present('multiaddress', address))

/** A version. */
export const versionForm: Form<Version> = record<Version>({ version: at(string, 'version', 'v') })

/** The IPFS node of a peer. */
export const ipfsIdForm: Form<IPFSID> = record<IPFSID>({
  id: at(peer, 'id°', 'i°'),
  addresses: at(addresses, 'addresses', 'a°'),
  error: at(string, 'error', 'e°')
})

/** A peer; its own ID may be missing. */
export const looseIdForm: Form<Loose<ID>> = record<Loose<ID>>({
  id: at(peer, 'id', 'i°'),
  addresses: at(addresses, 'addresses', 'a°'),
  clusterPeers: at(peers, 'cluster_peers', 'cp°'),
  clusterPeersAddresses: at(addresses, 'cluster_peers_addresses', 'cpa°'),
  version: at(string, 'version', 'v°'),
  commit: at(string, 'commit', 'c°'),
  rpcProtocolVersion: at(string, 'rpc_protocol_version', 'rv°'),
  error: at(string, 'error', 'e°'),
  ipfs: at(ipfsIdForm, 'ipfs', 'ip°'),
  peername: at(string, 'peername', 'pn°')
})

/** A peer. */
export const idForm: Form<ID> = complete<ID>('ID', looseIdForm, ['id'])

/** Who is connected to whom; the own ID may be missing. */
export const looseConnectGraphForm: Form<Loose<ConnectGraph>> = record<Loose<ConnectGraph>>({
  clusterId: at(peer, 'cluster_id', 'id'),
  idToPeername: at(mapOf(string), 'id_to_peername', 'ip°'),
  ipfsLinks: at(mapOf(emptyIfNil(peers)), 'ipfs_links', 'il°'),
  clusterLinks: at(mapOf(emptyIfNil(peers)), 'cluster_links', 'cl°'),
  clusterTrustLinks: at(mapOf(bool), 'cluster_trust_links', 'ctl°'),
  clusterToIpfs: at(mapOf(present('IPFS peer ID', peer)), 'cluster_to_ipfs', 'ci°')
})

/** Who is connected to whom. */
export const connectGraphForm: Form<ConnectGraph> = complete<ConnectGraph>('connect graph', looseConnectGraphForm, [
  'clusterId'
])

/** Traffic of a protocol. */
export const bandwidthForm: Form<Bandwidth> = record<Bandwidth>({
  totalIn: at(int64, 'total_in', 'i°'),
  totalOut: at(int64, 'total_out', 'o°'),
  rateIn: at(float64, 'rate_in', 'ri°'),
  rateOut: at(float64, 'rate_out', 'ro°')
})

/** Traffic by protocol; undefined when nobody counts. */
export const bandwidthByProtocolForm: Form<BandwidthByProtocol | undefined> = mapOf(bandwidthForm)

/** A list in a map of lists, where nil says no more than the empty list. */
function emptyIfNil<T>(form: Form<readonly T[] | undefined>): Form<readonly T[]> {
  const { msgpack, json } = form
  return {
    msgpack: { ...msgpack, decode: (reader) => msgpack.decode(reader) ?? [], zero: () => [] },
    json: { ...json, read: (input) => json.read(input) ?? [], zero: () => [] }
  }
}
