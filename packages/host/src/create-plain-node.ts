import { identify, identifyPush } from '@libp2p/identify'
import { FaultTolerance, type ComponentLogger, type Libp2p, type PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tls } from '@libp2p/tls'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { checkListening } from './check-listening.ts'
import { defaultStreams, defaultWaterMarks } from './host-options.ts'
import { muxer } from './muxer.ts'
import { secretProtector } from './protector.ts'
import { quietLogger } from './quiet-logger.ts'
import { defaultResources, limitingGater, resourceLimits, type ResourceOptions, thisMachine } from './resources.ts'
import { type ListenReport, transports } from './transports.ts'

/** What a plain node is made of. */
export interface PlainNodeOptions {
  /** The identity; without one a new one, for who only dials. */
  readonly privateKey?: PrivateKey
  /** The cluster secret, to talk with peers of a private network; without one it talks to everybody else. */
  readonly secret?: Uint8Array
  /** Addresses to listen on; at least one must work, unless there is none. */
  readonly listen?: readonly Multiaddr[]
  /** Time for one dial; default 3 s. */
  readonly dialPeerTimeoutMs?: number
  /** Limits of connections, streams and memory; default enabled, by what the machine has. */
  readonly resources?: ResourceOptions
  /** Told to others by identify. */
  readonly agentVersion?: string
  readonly logger?: ComponentLogger
}

/**
 * A started libp2p node without gossip, DHT or discovery: it serves what is handled on it, and dials what it is told to.
 * For APIs with an identity of their own, and for their clients.
 *
 * @throws HostError `bad_secret`, `listen_failed`
 * @see http-apis.md §1.5, wire-host-rpc.md §2
 */
export async function createPlainNode(options: PlainNodeOptions = {}): Promise<Libp2p> {
  const { privateKey, secret, listen = [], dialPeerTimeoutMs: dialTimeout = 3000, agentVersion, logger } = options
  const protector = secret === undefined ? undefined : secretProtector(secret)
  const limits = resourceLimits(options.resources ?? defaultResources, defaultWaterMarks, thisMachine())
  const report: ListenReport = { listening: [], failed: [] }
  // The gater is asked before there is a node.
  const made: { node?: Libp2p } = {}
  const node = await createLibp2p({
    ...(privateKey === undefined ? {} : { privateKey }),
    addresses: { listen: listen.map(String) },
    transports: transports(report),
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    ...(protector === undefined ? {} : { connectionProtector: () => protector }),
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [muxer(limits.inboundStreams, defaultStreams)],
    connectionManager: {
      maxConnections: limits.inbound,
      dialTimeout,
      addressDialTimeout: dialTimeout,
      // Clients often come from behind one address.
      inboundConnectionThreshold: Infinity,
      maxIncomingPendingConnections: limits.pending
    },
    connectionGater: limitingGater(
      limits,
      () => made.node?.getConnections() ?? [],
      (reason) => made.node?.logger.forComponent('cluster:host').error(reason)
    ),
    ...(agentVersion === undefined ? {} : { nodeInfo: { userAgent: agentVersion } }),
    ...(logger === undefined ? {} : { logger: quietLogger(logger) }),
    services: { identify: identify(), identifyPush: identifyPush(), ping: ping() }
  })
  made.node = node
  try {
    checkListening(listen, report, node.logger.forComponent('cluster:host'))
  } catch (error) {
    await node.stop()
    throw error
  }
  return node
}
