import type { AbortOptions } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import { Announcer } from './sync/announcer.ts'
import { receiveHeads } from './sync/receive.ts'
import { ChangeFeed, type CrdtChange } from './changes/change-feed.ts'
import { DagBlocks, OfflineExchange } from './store/dag-blocks.ts'
import { readMany } from './store/draft.ts'
import { CrdtError } from './errors.ts'
import { importPairs } from './store/import.ts'
import { cleanKey, Layout } from './store/layout.ts'
import { listValues, type CrdtListOptions, type CrdtPair } from './store/list-values.ts'
import {
  DEFAULT_FETCH_LIMITS,
  DEFAULT_REBROADCAST_INTERVAL_MS,
  DEFAULT_REPAIR_INTERVAL_MS,
  type MerkleCrdtInit
} from './options.ts'
import type { CrdtStorage, DagExchange } from './ports.ts'
import { Publisher, type CrdtOperation } from './changes/publisher.ts'
import { Repairs } from './repair/repairs.ts'
import { Replica } from './replica.ts'
import { walkDag, type DagEntry, type WalkOptions } from './dag/walk-dag.ts'
import type { CrdtEvents, CrdtStatus } from './status/crdt-status.ts'
import type { CrdtStats } from './status/stats.ts'
import { readStats, readStatus, type StatusParts } from './status/read-status.ts'
import { CatchUp } from './sync/catch-up/catch-up.ts'
import type { CatchUpChannel } from './sync/catch-up/channel.ts'
import { endIntake } from './sync/catch-up/intake-state.ts'
import type { CatchUpStats } from './sync/catch-up/options.ts'
import { catchUpParts } from './sync/catch-up/parts.ts'
import { HeadMerger } from './maintenance/head-merger.ts'
import { DirtyMark } from './store/dirty-mark.ts'
import { finishReplacement } from './store/replace.ts'
import { cleanStore, prepareStore } from './store/version.ts'

/**
 * A replicated key-value store: every replica can write, all arrive at the same content, without a leader. Changes are
 * blocks of a Merkle-DAG; peers announce its heads and fetch what they lack. Wire-compatible with go-ds-crdt 0.6.8.
 *
 * @see spec/wire-crdt.md §2
 */
export class MerkleCrdt extends TypedEventEmitter<CrdtEvents> {
  readonly #init: MerkleCrdtInit
  readonly #layout: Layout
  readonly #stop = new AbortController()
  readonly #publisher: Publisher
  readonly #announcer: Announcer
  readonly #feed: ChangeFeed
  readonly #replica: Replica
  readonly #exchange: DagExchange
  readonly #background: Promise<void>[] = []
  readonly #repairs: Repairs
  readonly #dirty: DirtyMark
  readonly #headMerger: HeadMerger | undefined
  readonly #catchUp: CatchUp | undefined
  #closing: Promise<void> | undefined

  private constructor(init: MerkleCrdtInit) {
    super()
    const { storage, clock, random, log, blocks } = init
    const { signal } = this.#stop
    const isCollecting = init.keepTombstones !== true
    const rebroadcastMs = init.rebroadcastIntervalMs ?? DEFAULT_REBROADCAST_INTERVAL_MS
    this.#init = init
    this.#layout = new Layout(init.namespace)
    this.#dirty = new DirtyMark(storage, this.#layout)
    this.#exchange = init.exchange ?? new OfflineExchange(blocks)
    this.#publisher = new Publisher(clock, storage, this.#layout, init.batching, () => {
      this.#replica.kick()
    })
    this.#announcer = new Announcer(
      init.broadcaster,
      clock,
      random,
      rebroadcastMs,
      log,
      () => this.#replica.heads.written
    )
    this.#feed = new ChangeFeed((keys, readSignal) => this.#values(keys, { signal: readSignal }))
    if (init.catchUp !== undefined) {
      const base = { storage, layout: this.#layout, blocks, exchange: this.#exchange, clock, random, log, isCollecting }
      this.#catchUp = new CatchUp(
        catchUpParts(base, () => this.#replica),
        init.catchUp
      )
      this.#exchange = this.#catchUp.exchange()
    }
    this.#replica = new Replica({
      storage,
      layout: this.#layout,
      blocks,
      exchange: this.#exchange,
      clock,
      random,
      log,
      limits: { ...DEFAULT_FETCH_LIMITS, ...init.fetch },
      signal,
      publisher: this.#publisher,
      firstWrite: init.firstWrite && { maxDelayMs: rebroadcastMs, ...init.firstWrite },
      catchUp: init.catchUp,
      announcer: this.#announcer,
      feed: this.#feed,
      dirty: this.#dirty,
      isCollecting,
      formAhead: init.formAhead,
      events: {
        isHeard: (type) => this.listenerCount(type) > 0,
        emit: (type, detail) => this.safeDispatchEvent(type, { detail })
      },
      isRepairing: () => this.#repairs.isRepairing,
      isHeldUp: () => this.#catchUp?.isTakingIn === true,
      headsChanged: () => this.#headMerger?.check()
    })
    this.#repairs = new Repairs({
      storage,
      layout: this.#layout,
      blocks,
      exchange: this.#exchange,
      clock,
      log,
      signal,
      replica: this.#replica,
      dirty: this.#dirty,
      watch: this.#replica.watch,
      blockTimeoutMs: init.fetch?.blockTimeoutMs ?? DEFAULT_FETCH_LIMITS.blockTimeoutMs,
      intervalMs: init.repairIntervalMs ?? DEFAULT_REPAIR_INTERVAL_MS
    })
    if (init.headMerging !== undefined) {
      const failed = (error: Error): void => {
        if (!signal.aborted) log.warn(`cannot join the heads: ${error.message}`)
      }
      this.#headMerger = new HeadMerger(init.headMerging, {
        clock,
        random,
        headCount: () => this.#replica.heads.size,
        isWriting: () => this.#publisher.size > 0,
        merge: () => this.#replica.mergeHeads(),
        failed
      })
    }
  }

  /**
   * Opens a store, and goes on where the last run ended: unfinished walks and acknowledged batches included.
   *
   * @throws CrdtError `ERR_CRDT_VERSION`, `ERR_CRDT_BAD_STORE`
   */
  static async open(init: MerkleCrdtInit, options: AbortOptions = {}): Promise<MerkleCrdt> {
    const store = new MerkleCrdt(init)
    try {
      await finishReplacement(init.storage, store.#layout, options)
      await prepareStore(init.storage, store.#layout, options)
      await (store.#catchUp?.load(options) ?? endIntake(init.storage, store.#layout, store.#stop.signal))
      await store.#publisher.load(store.#stop.signal)
      await store.#dirty.load(options)
      await store.#replica.load()
      store.#start()
    } catch (error) {
      await store.#abandon()
      throw error
    }
    return store
  }

  #start(): void {
    const { broadcaster, log } = this.#init
    this.#announcer.start()
    if (broadcaster !== undefined) {
      const announced = (cids: readonly CID[], from?: string): void => {
        this.#replica.announced(cids, from)
      }
      const { watch } = this.#replica
      const rejected: typeof watch.rejected = (...rejection) => {
        watch.rejected(...rejection)
      }
      this.#background.push(receiveHeads(broadcaster, announced, rejected, log, this.#stop.signal))
    }
    this.#catchUp?.start()
    this.#replica.kick()
    this.#repairs.start()
    this.#headMerger?.check()
  }

  /** The value of a key; `undefined` if it is not there. Waits while a snapshot is being taken in. */
  async get(key: string, options: AbortOptions = {}): Promise<Uint8Array | undefined> {
    await this.#catchUp?.readable(options)
    return (await this.#values([cleanKey(key)], options))[0]
  }

  /**
   * All keys and values in the order of the keys' bytes, in pages of 1 to 1024, of one moment. Waits while a snapshot is
   * being taken in.
   */
  async *list(options: CrdtListOptions = {}): AsyncGenerator<readonly CrdtPair[]> {
    await this.#catchUp?.readable(options)
    yield* listValues(this.#init.storage, this.#layout, options)
  }

  /**
   * Answers a peer of the same cluster that opened a conversation of the protocol `CATCH_UP_PROTOCOL`. Never rejects.
   *
   * @param peer - a name for limits and logs
   * @see spec/wire-crdt.md §7.3 P10
   */
  async serveCatchUp(channel: CatchUpChannel, peer: string): Promise<void> {
    if (this.#catchUp === undefined) channel.close(new CrdtError('ERR_CRDT_CATCH_UP', 'not offered'))
    else await this.#catchUp.serve(channel, peer)
  }

  /** How catching up with peers goes; `undefined` without {@link MerkleCrdtOptions.catchUp}. */
  get catchUp(): CatchUpStats | undefined {
    return this.#catchUp?.stats
  }

  /**
   * Changes keys. An abort stops the wait, not the change.
   *
   * @returns when the change is durable and announced; with batching, when it is durable in the journal, not yet visible
   * @throws CrdtError `ERR_CRDT_QUEUE_FULL`, `ERR_CRDT_TOO_LARGE`, `ERR_CRDT_CLOSED`, or what the datastore threw
   */
  commit(operations: readonly CrdtOperation[], options: AbortOptions = {}): Promise<void> {
    return this.#publisher.commit(operations, options)
  }

  /**
   * Adds keys as few large blocks, the same on every peer that starts from an empty store. Announces nothing: the next
   * rebroadcast does.
   *
   * @returns how many keys were added
   * @see spec/wire-crdt.md §1.11
   */
  async import(source: AsyncIterable<readonly CrdtPair[]>): Promise<number> {
    const count = await importPairs(this.#replica, this.#init.blocks, source)
    this.#feed.resync()
    return count
  }

  /**
   * What changed, after it is durable, in pages that one reader pulls. `resync` comes first, after a first sync, and
   * when the reader fell too far behind.
   */
  changes(options: { signal: AbortSignal }): AsyncIterable<readonly CrdtChange[]> {
    return this.#feed.read(options.signal)
  }

  /** Resolves when everything known is merged, but for blocks that could not be fetched. */
  idle(options: AbortOptions = {}): Promise<void> {
    return this.#replica.idle(options.signal ?? this.#stop.signal)
  }

  /**
   * Announces the heads that nobody has mentioned since `sinceMs`, as for a peer that came then; without it that peer
   * waits for the next tick.
   */
  announceHeads(sinceMs: number): Promise<void> {
    return this.#announcer.announceUnseen(sinceMs)
  }

  /** Tries at once to fetch what could not be fetched, as after a peer connected. */
  retryNow(): void {
    this.#replica.intake.retryNow()
  }

  /** Keys that got a value, less those that lost theirs, since the store was opened: what a count must be moved by. */
  get growth(): number {
    return this.#replica.growth
  }

  async stats(): Promise<CrdtStats> {
    await this.#dirty.load()
    return readStats(this.#statusParts)
  }

  /**
   * Whether the store is in step with what it heard of, and if not, why. Cheap: nothing is read from the datastore.
   * Changes of it are told as events, see {@link CrdtEvents}.
   */
  status(): CrdtStatus {
    return readStatus(this.#statusParts)
  }

  get #statusParts(): StatusParts {
    const { isRepairing } = this.#repairs
    return { replica: this.#replica, dirty: this.#dirty, isRepairing, waitingOperations: this.#publisher.size }
  }

  /**
   * The blocks of the DAG from the heads down, depth first, each once, as they are pulled. `dagToDot` draws them.
   *
   * @see spec/wire-crdt.md §2.16
   */
  dag(options: WalkOptions = {}): AsyncGenerator<DagEntry> {
    return walkDag(
      this.#init.blocks,
      this.#replica.heads.written.map(({ cid }) => cid),
      options
    )
  }

  /** Marks the store as having gaps: the next repair walks the whole DAG. */
  markDirty(): Promise<void> {
    return this.#dirty.set()
  }

  markClean(): Promise<void> {
    return this.#dirty.clear()
  }

  /**
   * Repairs now, if the store is marked dirty.
   *
   * @returns whether the store is clean afterwards
   */
  repair(): Promise<boolean> {
    return this.#repairs.repair()
  }

  async #values(keys: readonly string[], options: AbortOptions): Promise<(Uint8Array | undefined)[]> {
    return readMany(
      this.#init.storage,
      keys.map((key) => this.#layout.value(key)),
      options
    )
  }

  /**
   * Makes a block of what still waits, announces nothing any more (it could not be served), and ends all work. The
   * datastore stays open. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** It could not be opened: ends what was begun. */
  async #abandon(): Promise<void> {
    const error = new CrdtError('ERR_CRDT_CLOSED', 'the store could not be opened')
    await Promise.all([this.#catchUp?.close(), this.#replica.abandon(error), this.#announcer.close()])
    this.#stop.abort(error)
    this.#feed.close()
    await Promise.all([...this.#background, this.#repairs.close()])
  }

  async #close(): Promise<void> {
    this.#headMerger?.close()
    await this.#announcer.close()
    // first the signal of the former, else the latter would wait for a snapshot to the end
    await Promise.all([this.#catchUp?.close(), this.#replica.close()])
    this.#stop.abort(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    this.#feed.close()
    await Promise.all([...this.#background, this.#repairs.close()])
    await this.#init.storage.commit([{ delete: this.#layout.badShutdown() }], { durable: true })
  }

  /**
   * Replaces the content of a closed store, see {@link MerkleCrdt.import}. Nothing changes unless the source came to its
   * end; a crash later is made good when the store is opened.
   *
   * @returns how many keys it has now
   */
  static async replace(
    init: Omit<MerkleCrdtInit, 'blocks' | 'exchange' | 'broadcaster'>,
    source: AsyncIterable<readonly CrdtPair[]>,
    options: AbortOptions = {}
  ): Promise<number> {
    const { storage } = init
    const layout = new Layout(init.namespace)
    const namespace = layout.stage()
    await cleanStore(storage, new Layout(namespace), options)
    const blocks = new DagBlocks(storage, namespace)
    const staged = await MerkleCrdt.open({ ...init, namespace, blocks, repairIntervalMs: 0 }, options)
    let count: number
    try {
      count = await staged.import(source)
    } catch (error) {
      await staged.close()
      await cleanStore(storage, new Layout(namespace), {})
      throw error
    }
    await staged.close()
    await storage.commit([{ put: { key: layout.replacing(), value: new Uint8Array() } }], { durable: true })
    await finishReplacement(storage, layout, {})
    return count
  }

  /** Removes everything of a closed store from the datastore, blocks included. */
  static clean(storage: CrdtStorage, namespace: string, options: AbortOptions = {}): Promise<void> {
    return cleanStore(storage, new Layout(namespace), options)
  }
}
