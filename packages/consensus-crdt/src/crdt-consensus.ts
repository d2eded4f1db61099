import {
  ClusterError,
  limitCounter,
  plainConsensusHealth,
  type BaseContext,
  type Collaborators,
  type Consensus,
  type ConsensusHealth,
  type ConsensusTraits,
  type BlockService,
  type LimitCounter,
  type Network,
  type PeerMonitor,
  type PinsetChange,
  type PinsetOperation,
  type ReadonlyState,
  type Topic
} from '@cluster/api'
import {
  DagBlocks,
  MerkleCrdt,
  type Announcement,
  type CrdtStats,
  type CrdtStorage,
  type FirstWriteOptions
} from '@cluster/merkle-crdt'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { CatchUpProtocol, type CatchUpHost } from './catch-up-protocol.ts'
import type { CrdtConfig } from './config.ts'
import { crdtError } from './crdt-error.ts'
import { healthOf, NAME } from './observe/health.ts'
import { SyncEvents } from './observe/sync-events.ts'
import { registerSyncMetrics } from './observe/sync-metrics.ts'
import { cleanStore } from './offline/clean-store.ts'
import { pinsetChanges } from './pinset-changes.ts'
import { storeOperations } from './pinset-operations.ts'
import { PinsetView } from './pinset-view.ts'
import { ServedBlocks } from './served-blocks.ts'
import { topicName } from './topic-name.ts'
import { Trust } from './trust.ts'
import { wait } from './wait.ts'
import { welcomePeers } from './welcome.ts'

/** What a {@link CrdtConsensus} is created with. */
export type CrdtContext = BaseContext &
  Pick<Collaborators, 'exchange' | 'bootstrap'> & {
    readonly datastore: CrdtStorage
    /** Without a host, what is missing comes by the exchange only. */
    readonly network: Pick<Network, 'subscribe' | 'keep'> & { readonly libp2p?: CatchUpHost }
    readonly monitor: Pick<PeerMonitor, 'latestMetrics'>
  }

/** Under this name the blocks of the DAG are mounted. */
const MOUNT = 'crdt'
/** The tag that holds connections with trusted peers. */
const KEEP_TAG = 'crdt'
const STOPPED = 'consensus is shutdown'
const NOT_BATCHED = 'shutting down. Pin could not be batched'
/** A migration of a large store takes as long as it takes. */
const READY_TIMEOUT_MS = 356 * 24 * 3_600_000

/**
 * The pinset as a Merkle-CRDT that every trusted peer may change.
 *
 * @see wire-crdt.md §1
 */
export class CrdtConsensus implements Consensus {
  readonly traits: ConsensusTraits = {
    readyTimeoutMs: READY_TIMEOUT_MS,
    membership: 'metrics',
    secretIsTrust: false
  }
  readonly pinset: ReadonlyState
  readonly #context: CrdtContext
  readonly #config: CrdtConfig
  readonly #trust: Trust
  readonly #opened = Promise.withResolvers<MerkleCrdt>()
  readonly #leave: (() => void)[] = []
  /** For watching only: what must arrive comes by `changes()`. */
  readonly events: SyncEvents = new SyncEvents()
  readonly #limitReached: LimitCounter
  #crdt: MerkleCrdt | undefined
  #catchUp: CatchUpProtocol | undefined
  #service: BlockService | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  /** Ends a start that is under way. */
  readonly #halt = new AbortController()
  #failure: ClusterError | undefined
  /** Announcements of peers that are not trusted. */
  #untrusted = 0

  constructor(context: CrdtContext, config: CrdtConfig) {
    this.#context = context
    this.#config = config
    this.#limitReached = limitCounter(context.metrics)
    registerSyncMetrics(
      context.metrics,
      () => context.clock.nowMs(),
      () => (this.#crdt === undefined ? undefined : { status: this.#crdt.status(), untrusted: this.#untrusted })
    )
    this.#trust = new Trust(context.self, config.trustedPeers)
    if (context.bootstrap?.trust === true) for (const peer of context.bootstrap.peers) this.#trust.add(peer)
    this.#opened.promise.catch(() => undefined) // nobody has to wait for it
    this.pinset = new PinsetView({
      open: (signal) => this.#open(signal),
      growth: () => this.#crdt?.growth ?? 0,
      log: context.log,
      metrics: context.metrics
    })
  }

  async start({ signal }: AbortOptions): Promise<void> {
    if (this.#stopping !== undefined) throw new ClusterError('STOPPED', STOPPED)
    const { signal: halted } = this.#halt
    this.#starting = this.#start({ signal: signal === undefined ? halted : AbortSignal.any([signal, halted]) })
    await this.#starting
  }

  async #start(options: { readonly signal: AbortSignal }): Promise<void> {
    const { datastore, exchange, network, clock, random, log } = this.#context
    const { datastoreNamespace: namespace, repairIntervalMs, rebroadcastIntervalMs } = this.#config
    const blocks = new DagBlocks(datastore, namespace)
    const batching = this.#batching
    try {
      // served from now on: before anything is announced
      this.#service = exchange.mount(MOUNT, new ServedBlocks(blocks))
      for (const peer of this.#trust.peers) await this.#keep(peer)
      const topic = network.subscribe(topicName(this.#config.clusterName), (from) => this.#isTaken(from))
      this.#leave.push(() => {
        topic.unsubscribe()
      })
      this.#catchUp = this.#catchUpOver(network.libp2p, topic.name)
      await this.#catchUp?.watch()
      this.#crdt = await MerkleCrdt.open(
        {
          storage: datastore,
          namespace,
          blocks,
          exchange: this.#service,
          broadcaster: {
            broadcast: (data, broadcastOptions) => topic.publish(data, broadcastOptions),
            messages: (messageOptions) => messagesOf(topic, messageOptions)
          },
          clock,
          random,
          log,
          repairIntervalMs,
          rebroadcastIntervalMs,
          batching,
          catchUp: this.#catchUp?.options,
          ...(network.libp2p === undefined ? {} : { firstWrite: this.#firstWrite(topic) }),
          headMerging: { self: this.#context.self.toString(), visiblePeers: () => this.#visibleWriters() }
        },
        options
      )
      options.signal.throwIfAborted()
      await this.#catchUp?.serve(this.#crdt)
      this.events.attach(this.#crdt)
      this.#leave.push(welcomePeers(topic, this.#crdt, this.#context))
    } catch (error) {
      await this.#catchUp?.stop()
      this.#release()
      this.#failure = crdtError(error)
      this.#opened.reject(this.#failure)
      throw this.#failure
    }
    if (batching !== undefined) {
      log.info(`'crdt batching' enabled: ${batching.maxSize} items / ${batching.maxAgeMs / 1000}s`)
    }
    if (this.#trust.isOpen) log.info("'trust all' mode enabled. Any peer in the cluster can modify the pinset.")
    this.#opened.resolve(this.#crdt)
  }

  get #batching(): { maxSize: number; maxAgeMs: number; maxQueue: number } | undefined {
    const { maxBatchSize: maxSize, maxBatchAgeMs: maxAgeMs, maxQueueSize: maxQueue } = this.#config.batching
    return maxSize > 0 && maxAgeMs > 0 ? { maxSize, maxAgeMs, maxQueue } : undefined
  }

  #catchUpOver(libp2p: CatchUpHost | undefined, topic: string): CatchUpProtocol | undefined {
    const { enabled, snapshots, archive } = this.#config.catchUp
    if (libp2p === undefined || !enabled) return undefined
    return new CatchUpProtocol({ libp2p, topic, snapshots, archive, isTrusted: (peer) => this.#trust.has(peer) })
  }

  /** Who may have heads: peers on the topic whose changes are taken. @see wire-crdt.md §7.3 P7 */
  #firstWrite(topic: Pick<Topic, 'subscribers'>): FirstWriteOptions {
    const isOther = (peer: PeerId): boolean => this.#trust.has(peer) && !peer.equals(this.#context.self)
    return {
      visiblePeers: () => topic.subscribers().filter(isOther).map(String),
      maxDelayMs: this.#config.rebroadcastIntervalMs
    }
  }

  #isTaken(from: PeerId): boolean {
    if (this.#trust.has(from)) return true
    this.#untrusted += 1
    this.#context.log.debug('discarded pubsub message from non trusted source', { from: from.toString() })
    return false
  }

  /** Idempotent. What was acknowledged and waits becomes a block, which is announced after the next start. */
  stop(options: AbortOptions): Promise<void> {
    this.#stopping ??= this.#stop()
    return wait(this.#stopping, options.signal)
  }

  async #stop(): Promise<void> {
    const stopped = new ClusterError('STOPPED', STOPPED)
    this.#opened.reject(stopped)
    this.#halt.abort(stopped)
    await this.#starting?.catch(() => undefined)
    try {
      await this.#catchUp?.stop()
      await this.#crdt?.close()
    } catch (error) {
      throw crdtError(error)
    } finally {
      this.#release()
    }
  }

  #release(): void {
    for (const leave of this.#leave.splice(0)) leave()
    this.#service?.unmount()
    this.#service = undefined
  }

  async *changes({ signal = this.#context.signal }: AbortOptions): AsyncGenerator<readonly PinsetChange[]> {
    const crdt = await this.#open(signal)
    try {
      for await (const changes of crdt.changes({ signal })) {
        const page = pinsetChanges(changes, this.#context.log)
        if (page.length > 0) yield page
      }
    } catch (error) {
      throw crdtError(error)
    }
  }

  async commit(
    ops: readonly PinsetOperation[],
    { signal }: AbortOptions
  ): Promise<readonly (ClusterError | undefined)[]> {
    const { operations, places, refused } = storeOperations(ops)
    const results: (ClusterError | undefined)[] = ops.map((_, place) => refused.get(place))
    try {
      const crdt = await this.#open(signal, this.#batching === undefined ? STOPPED : NOT_BATCHED)
      await wait(crdt.commit(operations), signal)
    } catch (error) {
      const failure = crdtError(error)
      if (failure.code === 'ABORTED') throw failure
      if (failure.code === 'LIMIT' || failure.code === 'BUSY') {
        this.#limitReached('pinset_changes')
        this.#context.log.warn(`changes of the pinset were refused: ${failure.message}`)
      }
      for (const place of places) results[place] = failure
    }
    return results
  }

  async ready({ signal }: AbortOptions): Promise<void> {
    await this.#open(signal)
  }

  /** Nothing to wait for: a peer works with what it has. */
  async waitForSync(): Promise<void> {
    // as in the reference
  }

  /** Of those that may write, who is here now: one of them joins heads. @see wire-crdt.md §7.3 P8 */
  #visibleWriters(): readonly string[] {
    const { monitor } = this.#context
    const visible = monitor.latestMetrics(this.#config.peersetMetric).filter(({ peer }) => this.#trust.has(peer))
    return visible.map(({ peer }) => peer.toString())
  }

  /** Senders of valid metrics, and this peer, by the bytes of their IDs. @see wire-crdt.md §1.5 */
  peers(): Promise<readonly PeerId[]> {
    const { self, monitor } = this.#context
    const peers = new Map([[self.toString(), self]])
    for (const { peer } of monitor.latestMetrics(this.#config.peersetMetric)) peers.set(peer.toString(), peer)
    return Promise.resolve(
      [...peers.values()].sort((a, b) => Buffer.compare(a.toMultihash().bytes, b.toMultihash().bytes))
    )
  }

  leader(): Promise<PeerId> {
    return Promise.reject(new ClusterError('NOT_SUPPORTED', 'crdt consensus component does not provide a leader'))
  }

  async addPeer(): Promise<void> {
    // whoever publishes metrics is a member
  }

  rmPeer(): Promise<void> {
    return Promise.reject(new ClusterError('NOT_SUPPORTED', 'crdt consensus component cannot remove peers'))
  }

  isTrusted(peer: PeerId): boolean {
    return this.#trust.has(peer)
  }

  /** Where the store stands. @see wire-crdt.md §2.16 */
  health(): Promise<ConsensusHealth> {
    const trust = { trustsNobody: this.#trust.isClosed, untrusted: this.#untrusted }
    if (this.#stopping !== undefined) {
      return Promise.resolve(plainConsensusHealth(NAME, 'stopped', STOPPED))
    }
    if (this.#failure !== undefined) {
      return Promise.resolve(plainConsensusHealth(NAME, 'stuck', this.#failure.message))
    }
    if (this.#crdt === undefined) {
      return Promise.resolve(plainConsensusHealth(NAME, 'starting', 'the store is not open yet'))
    }
    return Promise.resolve(healthOf(this.#crdt.status(), trust))
  }

  /** Takes the changes of a peer from now on, and holds on to the connection with it. */
  async trust(peer: PeerId): Promise<void> {
    this.#trust.add(peer)
    await this.#keep(peer)
  }

  /** Takes no changes of a peer any more; those that trusted peers build on come all the same. */
  distrust(peer: PeerId): void {
    this.#trust.delete(peer)
  }

  async clean({ signal }: AbortOptions): Promise<void> {
    if (this.#crdt !== undefined && this.#stopping === undefined) {
      throw new ClusterError('BUSY', 'consensus is running: stop it before its data is removed')
    }
    await this.#stopping?.catch(() => undefined)
    const store = { context: this.#context, namespace: this.#config.datastoreNamespace }
    await cleanStore(store, signal === undefined ? {} : { signal })
  }

  /** Figures about the store, for an operator. */
  async stats(options: AbortOptions = {}): Promise<CrdtStats> {
    return (await this.#open(options.signal)).stats()
  }

  async #keep(peer: PeerId): Promise<void> {
    if (peer.equals(this.#context.self)) return
    try {
      await this.#context.network.keep(peer, KEEP_TAG)
    } catch (error) {
      this.#context.log.warn(`cannot hold on to ${peer.toString()}: ${crdtError(error).message}`)
    }
  }

  async #open(signal: AbortSignal | undefined, whenStopped = STOPPED): Promise<MerkleCrdt> {
    if (this.#stopping !== undefined) throw new ClusterError('STOPPED', whenStopped)
    return wait(this.#opened.promise, signal)
  }
}

async function* messagesOf(topic: Topic, options: AbortOptions): AsyncGenerator<Announcement, void, undefined> {
  for await (const { data, from } of topic.messages(options)) yield { data, from: from.toString() }
}
