import type { ComponentLogger, Libp2p, Metrics, PeerId } from '@libp2p/interface'
import type { ClusterError } from '../errors.ts'
import type { BlockExchange } from '../ports/block-exchange.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { IpfsConnector } from '../ports/ipfs-connector.ts'
import type { Network } from '../ports/network.ts'
import type { PeerDatastore } from '../ports/peer-datastore.ts'
import type { PeerMonitor } from '../ports/peer-monitor.ts'
import type { PinTracker } from '../ports/pin-tracker.ts'
import type { ReadonlyState } from '../ports/pinset.ts'
import type { Remote } from '../ports/remote.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

/** What every component sees of the peer it is part of. */
export interface BaseContext {
  readonly self: PeerId
  readonly peername: string
  /** The folder of `service.json`; relative paths of a configuration start there. */
  readonly baseDir: string
  readonly log: Logger
  readonly libp2pLogger: ComponentLogger
  /** Counters for operators; a domain `Metric` belongs to the monitor. */
  readonly metrics: Metrics | undefined
  readonly clock: Clock
  /** Numbers from 0 up to but not including 1. */
  readonly random: () => number
  /** Aborted after the last `stop()`. */
  readonly signal: AbortSignal
  /** Stops the whole peer in order, for a fault that no component can live with. */
  fatal(error: ClusterError): void
}

/** The peers of `--bootstrap`: CRDT trusts them unless told not to, Raft stages them. */
export interface Bootstrap {
  readonly peers: readonly PeerId[]
  readonly trust: boolean
}

/** Everything that a component may be given; which of it, `Needs` says. */
export interface Collaborators {
  readonly datastore: PeerDatastore
  readonly network: Network
  readonly exchange: BlockExchange
  readonly remote: Remote
  readonly monitor: PeerMonitor
  readonly ipfs: IpfsConnector
  readonly pinset: ReadonlyState
  readonly tracker: PinTracker
  readonly cluster: Cluster
  /** The cluster's own host, only if `consensus.traits.secretIsTrust`. */
  readonly httpHost?: Libp2p | undefined
  readonly bootstrap?: Bootstrap | undefined
  /** The name of the component that stands in `ipfs_connector`. */
  readonly ipfsConnector?: string | undefined
  /** A part of the peer's store in which APIs keep what they can make again from the pinset, each under its own name. */
  readonly indexStore?: PeerDatastore | undefined
}
