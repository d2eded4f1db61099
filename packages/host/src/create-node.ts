import { autoNAT } from '@libp2p/autonat'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { identify, identifyPush } from '@libp2p/identify'
import { FaultTolerance, type Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tls } from '@libp2p/tls'
import { uPnPNAT } from '@libp2p/upnp-nat'
import { isLoopback } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { announceFilter } from './announce.ts'
import { autoRelay } from './auto-relay.ts'
import { createDht, type DhtComponents, type DhtScope } from './dht.ts'
import { gossipService } from './gossip.ts'
import { defaultStreams, defaultWaterMarks, type HostOptions } from './host-options.ts'
import { muxer } from './muxer.ts'
import { observedAddress } from './observed-address.ts'
import { Routing } from './peer-routing.ts'
import { secretProtector } from './protector.ts'
import { quietLogger } from './quiet-logger.ts'
import { defaultResources, limitingGater, resourceLimits, thisMachine } from './resources.ts'
import { metered, type TrafficMeter } from './traffic.ts'
import { type ListenReport, transports } from './transports.ts'
import { whilePublic } from './while-public.ts'

/** Longest silence of a peer that a ping may find, on a connection busy with bulk transfers. */
const pingTimeoutMs = 30_000
/** A peer's addresses are forgotten when it was not seen for so long: 30 days. */
const maxAddressAgeMs = 30 * 24 * 3600 * 1000

/** The services that a host itself uses. */
export interface NodeServices extends Record<string, unknown> {
  readonly pubsub: ReturnType<ReturnType<typeof gossipService>>
  readonly transports: { readonly getAddrs: () => Multiaddr[] }
}

/** Peers for which a host relays at once: the default of the Go peer. */
const maxReservations = 128
/** Refusals are logged at most so often. */
const refusalPauseMs = 10_000

/** Makes and starts the libp2p node of a host. */
export async function startNode(
  options: HostOptions,
  report: ListenReport,
  traffic: TrafficMeter
): Promise<Libp2p<NodeServices>> {
  const streams = options.streams ?? defaultStreams
  const dialTimeout = options.dialPeerTimeoutMs ?? 3000
  const { secret, findAddresses, datastore } = options
  const protector = secret === undefined ? undefined : secretProtector(secret)
  const limits = resourceLimits(
    options.resources ?? defaultResources,
    options.connectionManager ?? defaultWaterMarks,
    thisMachine()
  )
  // The gater is asked before there is a node, when a host connects as it starts.
  const made: { node?: Libp2p<NodeServices> } = {}
  const refused = atMostEvery(refusalPauseMs, options.nowMs ?? Date.now, (reason) => {
    made.node?.logger.forComponent('cluster:host').error(reason)
  })
  made.node = await createLibp2p({
    privateKey: options.privateKey,
    addresses: {
      listen: options.listen.map(String),
      announceFilter: announceFilter(options.announce ?? [], options.noAnnounce ?? [])
    },
    transports: transports(report),
    // Whether any address works is looked at afterwards.
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    ...(protector === undefined ? {} : { connectionProtector: () => protector }),
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [muxer(limits.inboundStreams, streams)],
    connectionManager: {
      maxConnections: limits.inbound,
      dialTimeout,
      addressDialTimeout: dialTimeout,
      // A cluster starts all at once, often behind one address.
      inboundConnectionThreshold: Infinity,
      maxIncomingPendingConnections: limits.pending
    },
    connectionMonitor: { pingTimeout: { minTimeout: pingTimeoutMs, maxTimeout: pingTimeoutMs } },
    peerStore: { maxAddressAge: maxAddressAgeMs },
    connectionGater: limitingGater(limits, () => made.node?.getConnections() ?? [], refused, options.connectionGater),
    ...(options.agentVersion === undefined ? {} : { nodeInfo: { userAgent: options.agentVersion } }),
    ...(options.logger === undefined ? {} : { logger: quietLogger(options.logger) }),
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
      },
      autonat: autoNAT(),
      holePunching: dcutr(),
      observedAddress,
      autoRelay,
      ...(options.enableRelayHop === true
        ? { relay: whilePublic(circuitRelayServer({ reservations: { maxReservations } })) }
        : {}),
      ...(options.mapPorts === true && !options.listen.every(isLoopback) ? { portMapping: uPnPNAT() } : {})
    }
  })
  return made.node
}

function atMostEvery(pauseMs: number, nowMs: () => number, tell: (text: string) => void): (text: string) => void {
  let toldMs = -Infinity
  return (text) => {
    if (nowMs() - toldMs < pauseMs) return
    toldMs = nowMs()
    tell(text)
  }
}
