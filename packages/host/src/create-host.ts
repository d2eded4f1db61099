import { identify, identifyPush } from '@libp2p/identify'
import { FaultTolerance, type Libp2p, type Logger } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { announceFilter, withoutPeer } from './announce.ts'
import { createDht, type DhtComponents, type DhtScope } from './dht.ts'
import { gossipOf, gossipService } from './gossip.ts'
import { Host } from './host.ts'
import { HostError } from './host-error.ts'
import { checkOptions, defaultStreams, defaultWaterMarks, type HostOptions } from './host-options.ts'
import { type ListenReport, listeningTcp, listenReason } from './listening-transport.ts'
import { Routing } from './peer-routing.ts'
import { secretProtector } from './protector.ts'
import { systemResolveTxt } from './resolve-dnsaddr.ts'
import { metered, TrafficMeter } from './traffic.ts'

/**
 * Windows that a stream starts with. The library takes its own value for what the other side grants, so any other than
 * 256 KiB breaks connections with Go peers.
 */
const initialWindow = 262_144
/** Streams that one connection may carry at once: broadcasts and adders open hundreds. */
const maxStreams = 4096
/** Connections beyond this are refused: as the reference limits inbound ones, twice the high-water mark or 800. */
const minRefuseAbove = 800
/** Longest silence of a peer that a ping may find, on a connection busy with bulk transfers. */
const pingTimeoutMs = 30_000
/** A peer's addresses are forgotten when it was not seen for so long: 30 days. */
const maxAddressAgeMs = 30 * 24 * 3600 * 1000

/**
 * Makes the libp2p node of a cluster peer and starts it: when this resolves it listens and gossips. It connects to
 * nobody by itself; see {@link Host.importAddress} and {@link Host.bootstrap}.
 *
 * @throws HostError `bad_option`, `bad_secret`, `bad_address` (announce masks) and `listen_failed`
 * @see wire-host-rpc.md §1, TECHNOLOGY.md §7
 */
export async function createHost(options: HostOptions): Promise<Host> {
  checkOptions(options)
  const report: ListenReport = { listening: [], failed: [] }
  const nowMs = options.nowMs ?? Date.now
  const traffic = new TrafficMeter(nowMs)
  const libp2p = await startNode(options, report, traffic)
  const log = libp2p.logger.forComponent('cluster:host')
  try {
    checkListening(options, report, log)
  } catch (error) {
    await libp2p.stop()
    throw error
  }
  const isMdnsOn = (options.mdnsIntervalMs ?? 0) > 0
  return new Host({
    libp2p,
    gossip: gossipOf(libp2p.services.pubsub),
    ...(isMdnsOn ? { mdnsAddresses: mdnsAddresses(libp2p, options.noAnnounce ?? []) } : {}),
    log,
    marks: options.connectionManager ?? defaultWaterMarks,
    peerstoreFile: options.peerstoreFile,
    secret: options.secret !== undefined,
    random: options.random ?? Math.random,
    nowMs,
    traffic,
    resolveTxt: options.resolveTxt ?? systemResolveTxt
  })
}

interface NodeServices extends Record<string, unknown> {
  readonly pubsub: ReturnType<ReturnType<typeof gossipService>>
  readonly transports: { readonly getAddrs: () => Multiaddr[] }
}

/** What mDNS tells others: the addresses listened on, not those announced or observed, less the hidden ones. */
function mdnsAddresses(libp2p: Libp2p<NodeServices>, noAnnounce: readonly Multiaddr[]): () => readonly Multiaddr[] {
  const filter = announceFilter([], noAnnounce)
  const self = `/p2p/${libp2p.peerId.toString()}`
  return () => filter(libp2p.services.transports.getAddrs().map((address) => withoutPeer(address).encapsulate(self)))
}

async function startNode(
  options: HostOptions,
  report: ListenReport,
  traffic: TrafficMeter
): Promise<Libp2p<NodeServices>> {
  const streams = options.streams ?? defaultStreams
  const dialTimeout = options.dialPeerTimeoutMs ?? 3000
  const { secret, findAddresses, datastore } = options
  const protector = secret === undefined ? undefined : secretProtector(secret)
  return await createLibp2p({
    privateKey: options.privateKey,
    addresses: {
      listen: options.listen.map(String),
      announceFilter: announceFilter(options.announce ?? [], options.noAnnounce ?? [])
    },
    transports: [listeningTcp(report)],
    // Whether any address works is looked at afterwards.
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    ...(protector === undefined ? {} : { connectionProtector: () => protector }),
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: maxStreams,
        maxOutboundStreams: maxStreams,
        maxEarlyStreams: 128,
        streamOptions: {
          initialStreamWindowSize: initialWindow,
          maxStreamWindowSize: streams.maxWindow,
          maxReadBufferLength: streams.maxReadBuffer
        }
      })
    ],
    connectionManager: {
      maxConnections: Math.max(minRefuseAbove, 2 * (options.connectionManager ?? defaultWaterMarks).highWater),
      dialTimeout,
      addressDialTimeout: dialTimeout,
      // A cluster starts all at once, often behind one address.
      inboundConnectionThreshold: Infinity,
      maxIncomingPendingConnections: 100
    },
    connectionMonitor: { pingTimeout: { minTimeout: pingTimeoutMs, maxTimeout: pingTimeoutMs } },
    peerStore: { maxAddressAge: maxAddressAgeMs },
    ...(options.connectionGater === undefined ? {} : { connectionGater: options.connectionGater }),
    ...(options.agentVersion === undefined ? {} : { nodeInfo: { userAgent: options.agentVersion } }),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    metrics: metered(traffic, options.metrics),
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      transports: ({ transportManager }: { transportManager: { getAddrs: () => Multiaddr[] } }) => ({
        getAddrs: () => transportManager.getAddrs()
      }),
      pubsub: gossipService(options.pubsub ?? {}),
      routing: (components: DhtComponents) => {
        const scopes: readonly DhtScope[] = ['lan', 'wan']
        return new Routing(
          scopes.map((scope) => createDht(scope, components, datastore)),
          findAddresses
        )
      }
    }
  })
}

function checkListening(options: HostOptions, report: ListenReport, log: Logger): void {
  const used = new Set([...report.listening, ...report.failed.map(({ address }) => address)].map(String))
  const problems = [
    ...report.failed.map(({ address, error }) => `${address.toString()}: ${listenReason(error)}`),
    ...options.listen
      .filter((address) => !used.has(address.toString()))
      .map((a) => `${a.toString()}: no such transport`)
  ]
  if (options.listen.length > 0 && report.listening.length === 0) {
    throw new HostError('listen_failed', `failed to listen on any addresses: ${problems.join('; ')}`)
  }
  // An address without transport is in every default configuration (…/udp/9096/quic): not worth more than a trace.
  for (const { address, error } of report.failed) log.error('listening failed: %a: %s', address, listenReason(error))
}
