import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import {
  PEER_EXTENSIONS,
  type Adder,
  type Component,
  type PinAllocator,
  type Remote,
  type RpcHandlers
} from '@cluster/api'
import { FixedInformer } from './fixed-informer.ts'
import type { ManualClock } from './manual-clock.ts'
import { memoryAdder } from './memory-adder.ts'
import { MemoryConsensus, MemoryPinset, type MemoryConsensusOptions } from './memory-consensus.ts'
import { MemoryIpfs } from './memory-ipfs.ts'
import { MemoryMetrics, type MemoryMonitor } from './memory-monitor.ts'
import { MemoryNetwork } from './memory-network.ts'
import { MemoryRpc } from './memory-remote.ts'
import { MemoryTracker } from './memory-tracker.ts'
import { testContext, type TestContext } from './test-context.ts'
import { testPeerId } from './test-peer-id.ts'
import { weightAllocator } from './weight-allocator.ts'

/** What a core can be made of: every port in memory, and what the test reads back. */
export interface MemoryCollaborators extends TestContext {
  readonly consensus: MemoryConsensus
  readonly monitor: MemoryMonitor
  readonly tracker: MemoryTracker
  readonly ipfs: MemoryIpfs
  readonly informers: readonly [FixedInformer]
  readonly network: MemoryNetwork
  readonly remote: Remote
  readonly allocator: PinAllocator
  readonly adder: Adder
}

/** What is made of the collaborators; the core of a peer is one. */
export interface MemoryCore extends Required<Pick<Component, 'start' | 'stop'>> {
  readonly handlers: RpcHandlers
}

/** A peer of a {@link MemoryCluster}. */
export interface MemoryPeer<C> extends MemoryCollaborators {
  readonly core: C
}

/** What tests may choose. */
export interface MemoryClusterOptions {
  readonly peers: number
  readonly consensus?: Omit<MemoryConsensusOptions, 'self' | 'others'>
  /** Whether peers announce that their statuses are ordered; by default they do. */
  readonly ordered?: boolean
}

/**
 * Peers in one process that share a clock, a pinset and the topic of metrics, and call each other's handlers. Members
 * are whoever has a valid ping, as with CRDT.
 */
export class MemoryCluster<C extends MemoryCore> {
  readonly clock: ManualClock
  readonly rpc = new MemoryRpc()
  readonly metrics: MemoryMetrics
  readonly pinset = new MemoryPinset()
  readonly peers: readonly MemoryPeer<C>[]
  readonly #ordered: boolean

  constructor(make: (collaborators: MemoryCollaborators, index: number) => C, options: MemoryClusterOptions) {
    this.clock = testContext().clock
    this.metrics = new MemoryMetrics(this.clock)
    this.#ordered = options.ordered !== false
    this.peers = Array.from({ length: options.peers }, (_, index) => {
      const collaborators = this.#collaborators(index, options)
      return { ...collaborators, core: make(collaborators, index) }
    })
  }

  /** The peer of an index. */
  peer(index: number): MemoryPeer<C> {
    const peer = this.peers[index]
    if (peer === undefined) throw new RangeError(`there is no peer ${index}`)
    return peer
  }

  /** Starts all peers and lets them get to know each other. */
  async start(): Promise<void> {
    for (const peer of this.peers) {
      this.rpc.register(peer.self, peer.core.handlers, this.#ordered ? Object.values(PEER_EXTENSIONS) : [])
      peer.consensus.start()
      await peer.core.start({})
    }
    await this.settle()
  }

  async stop(): Promise<void> {
    await Promise.all(this.peers.map(async ({ core }) => core.stop({})))
  }

  /** Takes a peer away without a word: nobody reaches it, and its metrics stop. */
  async kill(index: number): Promise<void> {
    const { self, core } = this.peer(index)
    this.rpc.remove(self)
    this.metrics.leave(self)
    await core.stop({})
  }

  /** Lets time pass, and all work that it causes end. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await this.settle()
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    await this.clock.advance(0)
    for (const { tracker } of this.peers) await tracker.idle()
    await this.clock.advance(0)
  }

  #collaborators(index: number, options: MemoryClusterOptions): MemoryCollaborators {
    const self = testPeerId(index)
    const context = testContext({ self, peername: `peer_${index}`, clock: this.clock })
    const monitor = this.metrics.join(self)
    const others = (): readonly PeerId[] => monitor.latestMetrics('ping').map(({ peer }) => peer)
    const consensus = new MemoryConsensus(this.pinset, { ...options.consensus, self, others })
    const ipfs = new MemoryIpfs(testPeerId(1_000 + index), [multiaddr(`/ip4/10.0.0.${index + 1}/tcp/4001`)])
    return {
      ...context,
      monitor,
      consensus,
      ipfs,
      tracker: new MemoryTracker({ self, pinset: this.pinset, ipfs, clock: this.clock }),
      informers: [new FixedInformer('freespace', BigInt(1_000 - index), self, this.clock)],
      network: new MemoryNetwork(multiaddr(`/ip4/127.0.0.1/tcp/${9096 + index}`)),
      remote: this.rpc.remoteOf(self),
      allocator: weightAllocator('freespace'),
      adder: memoryAdder
    }
  }
}
