import type { Libp2p, Metrics, PeerId, PeerStore } from '@libp2p/interface'
import type {
  Adder,
  BandwidthByProtocol,
  Clock,
  ClusterError,
  Consensus,
  Informer,
  IpfsConnector,
  Logger,
  Network,
  PeerMonitor,
  PinAllocator,
  PinTracker,
  Remote
} from '@cluster/api'
import type { Scratch } from './scratch.ts'

/** The part of the peer's network that the core uses. */
export interface CoreNetwork extends Pick<
  Network,
  'connect' | 'importAddress' | 'bootstrap' | 'refreshRouting' | 'savePeerstore'
> {
  readonly libp2p: Pick<Libp2p, 'getConnections' | 'getMultiaddrs'> & { readonly peerStore: Pick<PeerStore, 'get'> }
}

/** A place for one value. */
export interface CoreMemory {
  load(): Promise<Uint8Array | undefined>
  /** Returns once a power loss cannot undo it. */
  save(value: Uint8Array): Promise<void>
}

/** Everything that the core conducts. It knows them by their ports only. */
export interface CoreCollaborators {
  readonly self: PeerId
  readonly peername: string
  readonly consensus: Consensus
  readonly monitor: PeerMonitor
  readonly tracker: PinTracker
  readonly ipfs: IpfsConnector
  readonly allocator: PinAllocator
  readonly informers: readonly Informer[]
  readonly adder: Adder
  readonly network: CoreNetwork
  readonly remote: Remote
  readonly clock: Clock
  /** Numbers from 0 up to but not including 1. */
  readonly random: () => number
  readonly log: Logger
  /** Counters for operators, if there are any. */
  readonly metrics?: Metrics | undefined
  /** Aborted after the last `stop()`. */
  readonly signal: AbortSignal
  /**
   * Stops the whole peer in order. With the code `STOPPED` nothing is wrong: the peer was removed from the cluster.
   */
  fatal(error: ClusterError): void
  /** Where the core keeps what outlives the process: a few kilobytes. Without it nothing does. */
  readonly memory?: CoreMemory | undefined
  /** Where answers are sorted that do not fit memory. Without it peers are asked several times. */
  readonly scratch?: Scratch | undefined
  /** Traffic counters of the host, if it keeps any. */
  readonly bandwidth?: (() => BandwidthByProtocol) | undefined
}
