import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  comparePinsetOrder,
  IPFSPinStatus,
  isRemotePin,
  itemsOf,
  pinsetKey,
  PinType,
  timestampFromMs,
  toClusterError,
  TrackerStatus,
  trackerStatusMatches,
  type Clock,
  type IpfsConnector,
  type ListOptions,
  type Pages,
  type Pin,
  type PinsetChange,
  type PinTracker,
  type PinTrackerEvents,
  type ReadonlyState,
  type TrackedPin
} from '@cluster/api'
import { TypedEventEmitter } from 'main-event'

/** What a tracker in memory works with. */
export interface MemoryTrackerOptions {
  readonly self: PeerId
  readonly pinset: ReadonlyState
  readonly ipfs: IpfsConnector
  readonly clock: Pick<Clock, 'nowMs'>
}

interface Operation {
  readonly cid: CID
  status: TrackerStatus
  attempts: number
  error: string
}

/** A tracker in memory: pins at once, one after the other, and remembers what failed. */
export class MemoryTracker extends TypedEventEmitter<PinTrackerEvents> implements PinTracker {
  readonly #options: MemoryTrackerOptions
  readonly #operations = new Map<string, Operation>()
  #work: Promise<void> = Promise.resolve()

  constructor(options: MemoryTrackerOptions) {
    super()
    this.#options = options
  }

  /** Resolves when nothing is queued any more. */
  async idle(): Promise<void> {
    for (let work: Promise<void> | undefined; work !== this.#work;) {
      work = this.#work
      await work
    }
  }

  apply(changes: readonly PinsetChange[]): Promise<void> {
    for (const change of changes) {
      this.#enqueue(async () => {
        if (change.type === 'unpin') await this.#run(change.cid, undefined)
        else if (change.type === 'pin') await this.#run(change.pin.cid, change.pin)
        else for await (const pin of itemsOf(this.#options.pinset.list({}))) await this.#run(pin.cid, pin)
      })
    }
    return Promise.resolve()
  }

  pinQueueSize(): number {
    return [...this.#operations.values()].filter(({ status }) => status === TrackerStatus.pinQueued).length
  }

  async status(cid: CID, options: AbortOptions): Promise<TrackedPin> {
    const { pinset, ipfs } = this.#options
    const pin = await pinset.get(cid, options)
    const operation = this.#operations.get(pinsetKey(cid))
    if (operation !== undefined) return this.#info(cid, pin, operation.status, operation)
    if (pin === undefined) return this.#info(cid, pin, TrackerStatus.unpinned)
    if (pin.type === PinType.meta) return this.#info(cid, pin, TrackerStatus.sharded)
    if (isRemotePin(pin, this.#options.self)) return this.#info(cid, pin, TrackerStatus.remote)
    try {
      const found = await ipfs.pinLsCid(pin, options)
      const isPinned = found === IPFSPinStatus.direct || found === IPFSPinStatus.recursive
      return this.#info(cid, pin, isPinned ? TrackerStatus.pinned : TrackerStatus.unexpectedlyUnpinned)
    } catch (error) {
      return this.#info(cid, pin, TrackerStatus.clusterError, { error: toClusterError(error).message, attempts: 0 })
    }
  }

  async *statusAll(filter: TrackerStatus, { after, limit = Infinity, ...options }: ListOptions): Pages<TrackedPin> {
    const cids = new Map<string, CID>()
    for await (const { cid } of itemsOf(this.#options.pinset.list({ after, ...options }))) cids.set(pinsetKey(cid), cid)
    const afterKey = after === undefined ? '' : pinsetKey(after)
    for (const [key, { cid }] of this.#operations) if (key > afterKey) cids.set(key, cid)
    let count = 0
    for (const cid of [...cids.values()].sort(comparePinsetOrder)) {
      const info = await this.status(cid, options)
      if (!trackerStatusMatches(info.status, filter)) continue
      yield [info]
      count += 1
      if (count >= limit) return
    }
  }

  async recover(cid: CID, options: AbortOptions): Promise<TrackedPin> {
    const info = await this.status(cid, options)
    const { pinError, unpinError, unexpectedlyUnpinned } = TrackerStatus
    if ((info.status & (pinError | unpinError | unexpectedlyUnpinned)) === 0) return info
    const pin = await this.#options.pinset.get(cid, options)
    const attempts = this.#operations.get(pinsetKey(cid))?.attempts ?? 0
    const status = pin === undefined ? TrackerStatus.unpinQueued : TrackerStatus.pinQueued
    this.#operations.set(pinsetKey(cid), { cid, status, attempts, error: '' })
    this.#enqueue(() => this.#run(cid, pin))
    return await this.status(cid, options)
  }

  async *recoverAll(options: AbortOptions): Pages<TrackedPin> {
    const { pinError, unpinError, unexpectedlyUnpinned } = TrackerStatus
    for await (const { cid } of itemsOf(this.statusAll(pinError | unpinError | unexpectedlyUnpinned, options))) {
      yield [await this.recover(cid, options)]
    }
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work)
  }

  async #run(cid: CID, pin: Pin | undefined): Promise<void> {
    const key = pinsetKey(cid)
    const isWanted = pin !== undefined && pin.type !== PinType.meta && !isRemotePin(pin, this.#options.self)
    const attempts = (this.#operations.get(key)?.attempts ?? 0) + 1
    try {
      if (isWanted) await this.#options.ipfs.pin(pin, {})
      else if (pin?.type !== PinType.meta) await this.#options.ipfs.unpin(cid, {})
      this.#operations.delete(key)
    } catch (error) {
      const status = isWanted ? TrackerStatus.pinError : TrackerStatus.unpinError
      this.#operations.set(key, { cid, status, attempts, error: toClusterError(error).message })
    }
    this.safeDispatchEvent('status', { detail: await this.status(cid, {}) })
  }

  #info(
    cid: CID,
    pin: Pin | undefined,
    status: TrackerStatus,
    { error, attempts }: Pick<Operation, 'error' | 'attempts'> = { error: '', attempts: 0 }
  ): TrackedPin {
    return {
      cid,
      name: pin?.name ?? '',
      allocations: pin?.allocations,
      origins: pin?.origins,
      created: pin?.timestamp,
      metadata: pin?.metadata,
      status,
      timestamp: pin?.timestamp ?? timestampFromMs(this.#options.clock.nowMs()),
      error,
      attemptCount: attempts,
      priorityPin: false
    }
  }
}
