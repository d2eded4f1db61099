import {
  ClusterError,
  PEER_METRICS,
  pinsetKey,
  toClusterError,
  TrackerStatus,
  type BaseContext,
  type IpfsConnector,
  type ListOptions,
  type Pages,
  type PeerDatastore,
  type PinsetChange,
  type PinsetOperation,
  type PinTracker,
  type PinTrackerEvents,
  type ReadonlyState,
  type TrackedPin
} from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import { dutyOf } from './assess.ts'
import { audit } from './audit.ts'
import { DaemonListing } from './daemon-listing.ts'
import { Healing } from './healing.ts'
import { statusesOf, statusOf } from './listing.ts'
import type { QueueLimits } from './operation-queue.ts'
import type { OperationType } from './operation.ts'
import { reconcile, resume, retryDue } from './reconcile.ts'
import { FIRST_RETRY_MS } from './retry-schedule.ts'
import { StatusIndex } from './status-index.ts'
import { Turns, untilAborted } from './turns.ts'
import { barePin, QUEUE_FULL_TEXT, Work } from './work.ts'

/** What the tracker needs of its component context. */
export interface IndexedTrackerContext extends Pick<
  BaseContext,
  'self' | 'clock' | 'random' | 'log' | 'metrics' | 'fatal'
> {
  readonly datastore: PeerDatastore
  readonly pinset: ReadonlyState
  readonly ipfs: Pick<IpfsConnector, 'pin' | 'unpin' | 'pinLs' | 'pinLsCid'> &
    Partial<Pick<IpfsConnector, 'addEventListener' | 'removeEventListener'>>
  /** Whether the process has no time to spare: then operations begin with pauses. Absent: it always has. */
  readonly isBusy?: (() => boolean) | undefined
}

/** Most changes that are applied together: what waits to be written stays bounded. */
const MAX_APPLIED = 256
/** Statuses that {@link IndexedTracker.recoverAll} acts on. */
const RECOVERABLE = TrackerStatus.pinError | TrackerStatus.unpinError | TrackerStatus.unexpectedlyUnpinned

/**
 * Carries the pinset over to IPFS: queues what changes, runs a bounded number of pins and one unpin at a time, tries
 * again what failed, and keeps an index of statuses on disk, so that listings need neither the memory nor the time of
 * asking IPFS for everything, and a restart goes on where it was.
 *
 * @see behaviours.md §4
 */
export class IndexedTracker extends TypedEventEmitter<PinTrackerEvents> implements PinTracker {
  readonly #context: IndexedTrackerContext
  readonly #listing: DaemonListing
  readonly #index: StatusIndex
  readonly #work: Work
  /** Changes and comparisons, one after the other: what comes later wins. */
  readonly #changes = new Turns()
  readonly #audits = new Turns()
  readonly #healing: Healing
  #cancelAgain: () => void = () => undefined

  constructor(context: IndexedTrackerContext, config: QueueLimits) {
    super()
    this.#context = context
    const store = context.datastore.namespace(new Key('/ts'))
    this.#listing = new DaemonListing(store)
    this.#index = new StatusIndex(store, (error) => {
      // a peer that cannot write its datastore cannot go on in any of its parts
      context.fatal(toClusterError(error, 'STORAGE'))
    })
    this.#work = new Work(context, config, this.#index, {
      onStatus: (detail) => {
        this.safeDispatchEvent('status', { detail })
      },
      onRetryDue: () => {
        this.#inBackground((signal) => retryDue(this.#reconcileContext, context.clock.nowMs(), { signal }))
      },
      onRoom: () => {
        this.#inBackground((signal) => resume(this.#reconcileContext, { signal }))
      }
    })
    this.#healing = new Healing({ clock: context.clock, log: context.log, heal: () => this.#heal() })
    this.#registerGauges()
  }

  start(options: AbortOptions): void {
    options.signal?.throwIfAborted()
    this.#assertRunning()
    this.#work.start()
    this.#context.ipfs.addEventListener?.('swarms:due', this.#onDaemonBack)
    this.#inBackground((signal) => resume(this.#reconcileContext, { signal }))
  }

  /** Aborts what runs and waits for it to end, or until the signal says to hurry. */
  async stop(options: AbortOptions): Promise<void> {
    const reason = new ClusterError('STOPPED', 'the tracker was stopped')
    this.#changes.close(reason)
    this.#audits.close(reason)
    this.#cancelAgain()
    this.#healing.stop()
    this.#context.ipfs.removeEventListener?.('swarms:due', this.#onDaemonBack)
    const ended = Promise.all([this.#work.stop(), this.#changes.idle(), this.#audits.idle(), this.#healing.idle()])
    await untilAborted(
      ended.then(() => this.#index.flush()),
      options.signal
    )
  }

  /**
   * Queues the changes. An operation that finds no room counts as failed, shows that in its status, and is tried again
   * later. `resync` is done when pinset and index were compared.
   *
   * @throws {ClusterError} `STOPPED`, `STORAGE`
   */
  apply(changes: readonly PinsetChange[], options: AbortOptions): Promise<void> {
    return this.#changes.take(options.signal, async (signal) => {
      for (const some of applicable(changes)) {
        if (some === 'resync') await reconcile(this.#reconcileContext, { signal })
        else await this.#apply(some, { signal })
      }
      await this.#index.flush()
    })
  }

  pinQueueSize(): number {
    return this.#work.queue.pinQueueSize
  }

  async status(cid: CID, options: AbortOptions): Promise<TrackedPin> {
    options.signal?.throwIfAborted()
    this.#assertRunning()
    return statusOf(this.#listingContext, cid, options)
  }

  async *statusAll(filter: TrackerStatus, options: ListOptions): Pages<TrackedPin> {
    options.signal?.throwIfAborted()
    this.#assertRunning()
    yield* statusesOf(this.#listingContext, { ...options, filter })
  }

  /**
   * Queues what failed or is missing again, at once.
   *
   * @returns the status afterwards
   * @throws {ClusterError} `LIMIT` when the queue is full, `STOPPED`
   * @see behaviours.md §4.7
   */
  async recover(cid: CID, options: AbortOptions): Promise<TrackedPin> {
    const info = await this.status(cid, options)
    return (await this.#recover(info, options, 'fail')) ?? info
  }

  /**
   * Asks IPFS for all it has, then recovers everything that failed or is missing; gives what it acted on.
   *
   * @throws {ClusterError} `IPFS` when it cannot be listed, `LIMIT` when the queue is full, `STOPPED`
   */
  async *recoverAll(options: AbortOptions): Pages<TrackedPin> {
    this.#assertRunning()
    await this.#audit(options)
    for await (const page of statusesOf(this.#listingContext, { ...options, filter: RECOVERABLE, isAudited: true })) {
      const recovered: TrackedPin[] = []
      for (const info of page) {
        const after = await this.#recover(info, options, 'fail')
        if (after !== undefined) recovered.push(after)
      }
      if (recovered.length > 0) yield recovered
    }
  }

  /** What is known of all is read at once; from then on nothing comes in between. */
  async #apply(changes: readonly PinsetOperation[], options: AbortOptions): Promise<void> {
    options.signal?.throwIfAborted()
    const duties = changes.flatMap((change) => {
      const pin = change.type === 'pin' ? change.pin : barePin(change.cid)
      const type: OperationType | 'none' = change.type === 'pin' ? dutyOf(pin, this.#context.self) : 'unpin'
      return type === 'none' ? [] : [{ type, pin, key: pinsetKey(pin.cid) }]
    })
    const keys = duties.map(({ key }) => key)
    const lacks = await this.#listing.lacks(keys, options)
    const records = await this.#index.getMany(keys, options)
    for (const [at, { type, pin }] of duties.entries()) {
      const record = records[at]
      const isAbsent = type === 'pin' && record === undefined && lacks[at] === true
      this.#work.submit({ type, pin, record, isAbsent, whenFull: 'fail' })
    }
    if (this.#index.isBehind) await this.#index.flush()
  }

  readonly #onDaemonBack = (): void => {
    this.#work.forgetSlow()
    this.#healing.due()
  }

  async #audit({ signal }: AbortOptions): Promise<void> {
    await this.#audits.take(signal, (both) => audit(this.#auditContext, { signal: both }))
    this.#healing.audited()
  }

  /** The daemon came back, perhaps without what it had: finds out what is missing, and takes up all that failed. */
  async #heal(): Promise<void> {
    await this.#audit({})
    for await (const page of statusesOf(this.#listingContext, { filter: RECOVERABLE, isAudited: true })) {
      for (const info of page) await this.#recover(info, {}, 'park')
    }
  }

  async #recover(
    { cid, status }: TrackedPin,
    options: AbortOptions,
    whenFull: 'fail' | 'park'
  ): Promise<TrackedPin | undefined> {
    const unpin = status === TrackerStatus.unpinError
    if (!unpin && status !== TrackerStatus.pinError && status !== TrackerStatus.unexpectedlyUnpinned) return undefined
    const pin = unpin ? barePin(cid) : await this.#pinOf(cid, options)
    if (pin === undefined) return undefined
    const key = pinsetKey(cid)
    const record = await this.#index.get(key, options)
    this.#assertRunning()
    if (!this.#work.submit({ type: unpin ? 'unpin' : 'pin', pin, record, whenFull }) && whenFull === 'fail') {
      throw new ClusterError('LIMIT', QUEUE_FULL_TEXT)
    }
    return statusOf(this.#listingContext, cid, options)
  }

  async #pinOf(cid: CID, options: AbortOptions): ReturnType<ReadonlyState['get']> {
    try {
      return await this.#context.pinset.get(cid, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      this.#context.log.error('cannot recover: the pinset is not readable', { cid: cid.toString(), error })
      return undefined
    }
  }

  get #reconcileContext(): Parameters<typeof reconcile>[0] {
    const { self, pinset } = this.#context
    return { self, pinset, index: this.#index, work: this.#work, listing: this.#listing }
  }

  get #listingContext(): Parameters<typeof statusOf>[0] {
    const { self, clock, pinset, ipfs } = this.#context
    return { self, clock, pinset, ipfs, index: this.#index, queue: this.#work.queue }
  }

  get #auditContext(): Parameters<typeof audit>[0] {
    const { ipfs } = this.#context
    return { ...this.#listingContext, ipfs, listing: this.#listing }
  }

  /** Runs a job in turn; one that fails, because the pinset cannot be read, is run again later. */
  #inBackground(job: (signal: AbortSignal) => Promise<void>): void {
    this.#changes.take(undefined, job).catch((error: unknown) => {
      if (this.#changes.closed) return
      const { clock, log } = this.#context
      log.error('cannot take up what is to be done', { error })
      this.#cancelAgain()
      this.#cancelAgain = clock.setTimer(clock.nowMs() + FIRST_RETRY_MS, () => {
        this.#inBackground((signal) => resume(this.#reconcileContext, { signal }))
      })
    })
  }

  #assertRunning(): void {
    if (this.#changes.closed) throw new ClusterError('STOPPED', 'the tracker was stopped')
  }

  #registerGauges(): void {
    const { metrics } = this.#context
    if (metrics === undefined) return
    const { pinQueued, pinning, pinError } = PEER_METRICS
    const gauge = ({ name, help }: { name: string; help: string }, calculate: () => number): void => {
      metrics.registerMetric(name, { help, calculate })
    }
    gauge(pinQueued, () => this.#work.queue.pinQueueSize)
    gauge(pinning, () => this.#work.queue.pinsRunning)
    gauge(pinError, () => Math.max(0, this.#work.pinErrors))
  }
}

/** Changes that are applied together, each of another CID; `resync` stands alone. */
function* applicable(changes: readonly PinsetChange[]): Generator<PinsetOperation[] | 'resync'> {
  let some = new Map<string, PinsetOperation>()
  for (const change of changes) {
    const key = change.type === 'resync' ? '' : pinsetKey(change.type === 'pin' ? change.pin.cid : change.cid)
    if (some.size > 0 && (change.type === 'resync' || some.has(key) || some.size === MAX_APPLIED)) {
      yield [...some.values()]
      some = new Map()
    }
    if (change.type === 'resync') yield 'resync'
    else some.set(key, change)
  }
  if (some.size > 0) yield [...some.values()]
}
