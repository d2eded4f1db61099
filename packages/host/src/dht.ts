import type { PeerInfo, PeerStore, Startable } from '@libp2p/interface'
import { kadDHT, type KadDHT } from '@libp2p/kad-dht'
import { isLoopback, isPrivate } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'

/** What libp2p gives a DHT. */
export type DhtComponents = Parameters<ReturnType<typeof kadDHT>>[0]

/** Which of the two networks a DHT is for. */
export type DhtScope = 'lan' | 'wan'

const protocols: Readonly<Record<DhtScope, string>> = { lan: '/ipfs/lan/kad/1.0.0', wan: '/ipfs/kad/1.0.0' }
/** Those of the Go peer; the library has them too, and names them here against changes. */
const bucketSize = 20
const concurrency = 10
const providerValidityMs = 48 * 3600 * 1000
/** Time between rounds of the own ID being looked for; the first comes when a host that was just started has settled. */
const selfQueryMs = 600_000
const firstSelfQueryMs = 30_000

/** A DHT of a host: answers questions of others, and asks them. */
export interface Dht {
  readonly scope: DhtScope
  readonly kad: KadDHT & Startable & DiscoverySource & TableSource
  /** What of the addresses in an answer is believed. */
  readonly believed: (addresses: readonly Multiaddr[]) => Multiaddr[]
  start(): Promise<void>
  stop(): Promise<void>
}

/** Part of the library's class that its type leaves out: what is done with a peer that may get into the table. */
interface TableSource {
  onPeerConnect: (peer: PeerInfo) => Promise<void>
}

interface DiscoverySource {
  addEventListener(type: 'peer', listener: (event: CustomEvent<PeerInfo>) => void): void
}

/**
 * A Kademlia DHT as the Go peer runs two of: one of peers with private addresses, which always answers, and one of
 * peers with public ones, which answers once the host itself has one.
 *
 * The Go peer drops loopback addresses from answers. Here they count while the host is connected over loopback: then
 * other peers are on this machine as well.
 *
 * @param datastore - keeps records of others, below `/dht`
 * @see wire-host-rpc.md §1.7
 */
export function createDht(scope: DhtScope, components: DhtComponents, datastore: Datastore | undefined): Dht {
  const { connectionManager, peerStore } = components
  const isOfScope = (address: Multiaddr): boolean => isPrivate(address) === (scope === 'lan')
  const believed = (addresses: readonly Multiaddr[]): Multiaddr[] => {
    const isLocal = connectionManager.getConnections().some(({ remoteAddr }) => isLoopback(remoteAddr))
    return addresses.filter((address) => (scope === 'lan' ? isLocal || !isLoopback(address) : isOfScope(address)))
  }
  const create = kadDHT({
    protocol: protocols[scope],
    logPrefix: `libp2p:dht-${scope}`,
    metricsPrefix: `libp2p_dht_${scope}`,
    datastorePrefix: `/dht/${scope}`,
    kBucketSize: bucketSize,
    alpha: concurrency,
    querySelfInterval: selfQueryMs,
    initialQuerySelfInterval: firstSelfQueryMs,
    allowQueryWithZeroPeers: true,
    providers: { provideValidity: providerValidityMs },
    // Without a mode the library answers only while the host has a public address.
    ...(scope === 'lan' ? { clientMode: false } : {}),
    // Decides who gets into the table, and what answers tell: everything that is known of those.
    peerInfoMapper: (peer) => (peer.multiaddrs.some(isOfScope) ? peer : { ...peer, multiaddrs: [] })
  })
  const kad = create({
    peerId: components.peerId,
    privateKey: components.privateKey,
    registrar: components.registrar,
    addressManager: components.addressManager,
    connectionManager,
    events: components.events,
    logger: components.logger,
    ping: components.ping,
    ...(components.metrics === undefined ? {} : { metrics: components.metrics }),
    datastore: datastore ?? components.datastore,
    peerStore: believing(peerStore, believed)
  }) as Dht['kad']
  // The library dials every peer that it hears of; a cluster whose peers start together would be busy with nothing
  // else. The table takes those that are connected, as that of the Go peer.
  const enter = kad.onPeerConnect.bind(kad)
  kad.onPeerConnect = async (peer) => {
    if (connectionManager.getConnections(peer.id).length > 0) await enter(peer)
  }
  return {
    scope,
    kad,
    believed,
    start: async () => {
      await kad.start()
    },
    stop: async () => {
      await kad.stop()
      endRefresh(kad)
    }
  }
}

/** Addresses that come with provider records are believed like all others. */
function believing(store: PeerStore, believed: Dht['believed']): PeerStore {
  return {
    forEach: (fn, query) => store.forEach(fn, query),
    all: (query) => store.all(query),
    delete: (peer, options) => store.delete(peer, options),
    has: (peer, options) => store.has(peer, options),
    get: (peer, options) => store.get(peer, options),
    getInfo: (peer, options) => store.getInfo(peer, options),
    save: (peer, data, options) => store.save(peer, data, options),
    patch: (peer, data, options) => store.patch(peer, data, options),
    consumePeerRecord: (envelope, ...rest) => store.consumePeerRecord(envelope, ...rest),
    merge: (peer, data, options) =>
      store.merge(
        peer,
        data.multiaddrs === undefined ? data : { ...data, multiaddrs: believed(data.multiaddrs) },
        options
      )
  }
}

/** A refresh that ends after the library has stopped would plan the next one, and so on. */
function endRefresh(kad: object): void {
  const { routingTableRefresh } = kad as { readonly routingTableRefresh?: { refreshTable?: () => void } }
  if (routingTableRefresh !== undefined) routingTableRefresh.refreshTable = () => undefined
}
