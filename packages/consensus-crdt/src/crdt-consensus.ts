import {
  ClusterError,
  isClusterError,
  limitCounter,
  PEER_METRICS,
  type BaseContext,
  type Collaborators,
  type Consensus,
  type ConsensusTraits,
  type BlockService,
  type LimitCounter,
  type ListOptions,
  type Network,
  type Pages,
  type PeerMonitor,
  type Pin,
  type PinsetChange,
  type PinsetOperation,
  type ReadonlyState,
  type Topic
} from '@cluster/api'
import { DagBlocks, MerkleCrdt, type CrdtOperation, type CrdtStats } from '@cluster/merkle-crdt'
import { DatastoreState, pinKey, pinToPair } from '@cluster/state'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { CrdtConfig } from './config.ts'
import { crdtError } from './crdt-error.ts'
import { CrdtPinStore } from './pin-store.ts'
import { pinsetChanges } from './pinset-changes.ts'
import { ServedBlocks } from './served-blocks.ts'
import { topicName } from './topic-name.ts'
import { Trust } from './trust.ts'
import { wait } from './wait.ts'

/** What a {@link CrdtConsensus} is created with. */
export type CrdtContext = BaseContext &
  Pick<Collaborators, 'datastore' | 'exchange' | 'bootstrap'> & {
    readonly network: Pick<Network, 'subscribe' | 'keep'>
    readonly monitor: Pick<PeerMonitor, 'latestMetrics'>
  }

/** Under this name the blocks of the DAG are mounted. */
const MOUNT = 'crdt'
/** The tag that holds connections with trusted peers. */
const KEEP_TAG = 'crdt'
/** Heads are announced to peers that come, but not more often than this. */
const ANNOUNCE_SPACING_MS = 2000
/** Of many peers one should do it: each waits at random, the longer the more they are. */
const ANNOUNCE_SPREAD_MS = 50
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
  readonly #limitReached: LimitCounter
  #crdt: MerkleCrdt | undefined
  /** Pins of the last full listing, less what the store had grown by then. */
  #pinsBefore = 0
  #service: BlockService | undefined
  #stopping: Promise<void> | undefined

  constructor(context: CrdtContext, config: CrdtConfig) {
    this.#context = context
    this.#config = config
    this.#limitReached = limitCounter(context.metrics)
    const { name, help } = PEER_METRICS.pins
    context.metrics?.registerMetric(name, { help, calculate: () => this.#pinCount() })
    this.#trust = new Trust(context.self, config.trustedPeers)
    if (context.bootstrap?.trust === true) for (const peer of context.bootstrap.peers) this.#trust.add(peer)
    this.#opened.promise.catch(() => undefined) // nobody has to wait for it
    this.pinset = {
      get: async (cid, options) => (await this.#state(options)).get(cid, options),
      list: (options) => this.#list(options)
    }
  }

  async start(options: AbortOptions): Promise<void> {
    if (this.#stopping !== undefined) throw new ClusterError('STOPPED', 'consensus is shutdown')
    const { datastore, exchange, network, clock, random, log } = this.#context
    const { datastoreNamespace: namespace, repairIntervalMs, rebroadcastIntervalMs } = this.#config
    const blocks = new DagBlocks(datastore, namespace)
    try {
      // served from now on: before anything is announced
      this.#service = exchange.mount(MOUNT, new ServedBlocks(blocks))
      for (const peer of this.#trust.peers) await this.#keep(peer)
      const topic = network.subscribe(topicName(this.#config.clusterName), (from) => this.#isTaken(from))
      this.#leave.push(() => {
        topic.unsubscribe()
      })
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
          batching: this.#batching()
        },
        options
      )
      this.#welcomePeers(topic, this.#crdt)
    } catch (error) {
      this.#release()
      const failure = crdtError(error)
      this.#opened.reject(failure)
      throw failure
    }
    if (this.#trust.isOpen) log.info("'trust all' mode enabled. Any peer in the cluster can modify the pinset.")
    this.#opened.resolve(this.#crdt)
  }

  #batching(): { maxSize: number; maxAgeMs: number; maxQueue: number } | undefined {
    const { maxBatchSize: maxSize, maxBatchAgeMs: maxAgeMs, maxQueueSize: maxQueue } = this.#config.batching
    if (maxSize <= 0 || maxAgeMs <= 0) return undefined
    this.#context.log.info(`'crdt batching' enabled: ${maxSize} items / ${maxAgeMs / 1000}s`)
    return { maxSize, maxAgeMs, maxQueue }
  }

  #isTaken(from: PeerId): boolean {
    if (this.#trust.has(from)) return true
    this.#context.log.debug('discarded pubsub message from non trusted source', { from: from.toString() })
    return false
  }

  /** A peer that comes is told the heads soon, by one of those who are here: else it waits for the next rebroadcast. */
  #welcomePeers(topic: Topic, crdt: MerkleCrdt): void {
    const { clock, random } = this.#context
    let cancel: (() => void) | undefined
    let lastMs = -Infinity
    const welcome = (): void => {
      const cameMs = clock.nowMs()
      const spreadMs = Math.min(ANNOUNCE_SPACING_MS, ANNOUNCE_SPREAD_MS * topic.subscribers().length)
      const atMs = Math.max(cameMs + random() * spreadMs, lastMs + ANNOUNCE_SPACING_MS)
      cancel ??= clock.setTimer(atMs, () => {
        cancel = undefined
        lastMs = clock.nowMs()
        void crdt.announceHeads(cameMs)
      })
    }
    const off = topic.onSubscribed(() => {
      crdt.retryNow()
      welcome()
    })
    this.#leave.push(() => {
      off()
      cancel?.()
    })
  }

  /** Idempotent. What was acknowledged and waits becomes a block, which is announced after the next start. */
  stop(options: AbortOptions): Promise<void> {
    this.#stopping ??= this.#stop()
    return wait(this.#stopping, options.signal)
  }

  async #stop(): Promise<void> {
    this.#opened.reject(new ClusterError('STOPPED', 'consensus is shutdown'))
    try {
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
    const results: (ClusterError | undefined)[] = ops.map(() => undefined)
    const operations: CrdtOperation[] = []
    const places: number[] = []
    ops.forEach((op, place) => {
      try {
        operations.push(crdtOperation(op))
        places.push(place)
      } catch (error) {
        results[place] = isClusterError(error) ? error : new ClusterError('BAD_PIN', crdtError(error).message)
      }
    })
    try {
      const crdt = await this.#open(signal)
      await wait(crdt.commit(operations), signal)
    } catch (error) {
      const failure = crdtError(error)
      if (failure.code === 'ABORTED') throw failure
      if (failure.code === 'LIMIT') {
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
    const { datastore, log } = this.#context
    await MerkleCrdt.clean(datastore, this.#config.datastoreNamespace, signal === undefined ? {} : { signal })
    log.info('all CRDT data was removed')
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

  async #open(signal: AbortSignal | undefined): Promise<MerkleCrdt> {
    if (this.#stopping !== undefined) throw new ClusterError('STOPPED', 'consensus is shutdown')
    return wait(this.#opened.promise, signal)
  }

  async #state({ signal }: AbortOptions): Promise<DatastoreState> {
    return new DatastoreState(new CrdtPinStore(await this.#open(signal)), { log: this.#context.log })
  }

  async *#list(options: ListOptions): Pages<Pin> {
    const state = await this.#state(options)
    const growth = this.#growth
    let listed = 0
    for await (const page of state.list(options)) {
      listed += page.length
      yield page
    }
    if (options.after === undefined && options.limit === undefined) this.#pinsBefore = listed - growth
  }

  get #growth(): number {
    return this.#crdt?.growth ?? 0
  }

  /** Exact from the first full listing on, which the tracker does at the start; other keys of the store count too. */
  #pinCount(): number {
    return Math.max(0, this.#pinsBefore + this.#growth)
  }
}

function crdtOperation(op: PinsetOperation): CrdtOperation {
  if (op.type === 'unpin') return { type: 'delete', key: keyOf(op.cid) }
  return { type: 'put', key: keyOf(op.pin.cid), value: pinToPair(op.pin).value }
}

function keyOf(cid: CID): string {
  return pinKey(cid).toString()
}

async function* messagesOf(topic: Topic, options: AbortOptions): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { data } of topic.messages(options)) yield data
}
