import {
  ClusterError,
  comparePinsetOrder,
  IPFSPinStatus,
  itemsOf,
  MAX_PAGE_ITEMS,
  pinsetKey,
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
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import type { CID } from 'multiformats/cid'
import { coversDepth, memoryDuty, memoryInfo, memoryOperationInfo, type MemoryOperation } from './memory-operations.ts'

/** What a tracker in memory works with. */
export interface MemoryTrackerOptions {
  readonly self: PeerId
  readonly pinset: ReadonlyState
  readonly ipfs: Pick<IpfsConnector, 'pin' | 'unpin' | 'pinLs' | 'pinLsCid'>
  readonly clock: Pick<Clock, 'nowMs'> & Partial<Pick<Clock, 'setTimer'>>
  readonly limits?: {
    readonly maxPinQueueSize: number
    readonly concurrentPins: number
    readonly priorityPinMaxAgeMs: number
    readonly priorityPinMaxRetries: number
  }
  /** After how long what failed is tried again. Without it only `recover` does. */
  readonly retryMs?: number
  /** What it knows, by pinset key: handed to a successor, that one goes on where this one was. */
  readonly memory?: Map<string, MemoryOperation>
}

/** By default pins run one after the other. */
const ONE_BY_ONE = { maxPinQueueSize: Infinity, concurrentPins: 1, priorityPinMaxAgeMs: 0, priorityPinMaxRetries: 0 }

/** A tracker in memory: everything that the port asks for, for small pinsets. */
export class MemoryTracker extends TypedEventEmitter<PinTrackerEvents> implements PinTracker {
  readonly #options: MemoryTrackerOptions
  readonly #limits: NonNullable<MemoryTrackerOptions['limits']>
  /** The current operation of each CID, in the order of their coming, and pins that are done. */
  readonly #operations: Map<string, MemoryOperation>
  readonly #lines = {
    priority: new Set<MemoryOperation>(),
    normal: new Set<MemoryOperation>(),
    unpins: new Set<MemoryOperation>()
  }
  readonly #runs = new Map<string, { readonly operation: MemoryOperation; readonly abort: AbortController }>()
  readonly #ends = new Set<Promise<void>>()
  readonly #timers = new Set<() => void>()
  #turn: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: MemoryTrackerOptions) {
    super()
    this.#options = options
    this.#limits = options.limits ?? ONE_BY_ONE
    this.#operations = options.memory ?? new Map<string, MemoryOperation>()
  }

  /** Goes on with what a predecessor left. */
  start(): void {
    for (const operation of this.#operations.values()) {
      if (operation.phase === 'running') operation.phase = 'queued'
      if (operation.phase === 'queued') this.#lineOf(operation).add(operation)
      if (operation.phase === 'failed') this.#retryLater(operation)
    }
    this.#pump()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const cancel of this.#timers) cancel()
    for (const { abort } of this.#runs.values()) abort.abort(new Error('the tracker stops'))
    await Promise.all(this.#ends)
  }

  /** Resolves when nothing is queued any more. */
  async idle(): Promise<void> {
    await this.#turn
    do await Promise.all(this.#ends)
    while (this.#ends.size > 0)
  }

  async apply(changes: readonly PinsetChange[], { signal }: AbortOptions = {}): Promise<void> {
    const applied = this.#turn.then(async () => {
      this.#assertRunning(signal)
      for (const change of changes) {
        if (change.type === 'resync') await this.#compare()
        else if (change.type === 'unpin') this.#submit('unpin', change.cid, undefined)
        else {
          const duty = memoryDuty(change.pin, this.#options.self)
          if (duty !== 'none') this.#submit(duty, change.pin.cid, change.pin)
        }
      }
    })
    this.#turn = applied.catch(() => undefined)
    await applied
  }

  pinQueueSize(): number {
    return this.#lines.priority.size + this.#lines.normal.size
  }

  async status(cid: CID, options: AbortOptions): Promise<TrackedPin> {
    this.#assertRunning(options.signal)
    const { pinset, ipfs, self, clock } = this.#options
    const pin = await pinset.get(cid, options)
    const operation = this.#operations.get(pinsetKey(cid))
    if (operation !== undefined && operation.phase !== 'done') return memoryOperationInfo(operation, pin)
    const atMs = clock.nowMs()
    if (pin === undefined) return memoryInfo(cid, pin, TrackerStatus.unpinned, { atMs })
    const duty = memoryDuty(pin, self)
    if (duty === 'none') return memoryInfo(cid, pin, TrackerStatus.sharded, {})
    if (duty === 'remote') return memoryInfo(cid, pin, TrackerStatus.remote, {})
    try {
      return this.#said(pin, await ipfs.pinLsCid(pin, options))
    } catch (error) {
      options.signal?.throwIfAborted()
      return memoryInfo(cid, pin, TrackerStatus.clusterError, { atMs, error: toClusterError(error).message })
    }
  }

  async *statusAll(filter: TrackerStatus, { after, limit = Infinity, ...options }: ListOptions): Pages<TrackedPin> {
    this.#assertRunning(options.signal)
    let page: TrackedPin[] = []
    let left = limit
    for (const cid of await this.#cids(after, options)) {
      if (left <= 0) break
      const info = await this.status(cid, options)
      if (info.status === TrackerStatus.unpinned || !trackerStatusMatches(info.status, filter)) continue
      left -= 1
      page.push(info)
      if (page.length < MAX_PAGE_ITEMS) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  async recover(cid: CID, options: AbortOptions): Promise<TrackedPin> {
    const info = await this.status(cid, options)
    return (await this.#recover(info, options)) ?? info
  }

  async *recoverAll(options: AbortOptions): Pages<TrackedPin> {
    this.#assertRunning(options.signal)
    await this.#list(options)
    for (const cid of await this.#cids(undefined, options)) {
      const recovered = await this.#recover(await this.status(cid, options), options)
      if (recovered !== undefined) yield [recovered]
    }
  }

  async #recover({ cid, status }: TrackedPin, options: AbortOptions): Promise<TrackedPin | undefined> {
    const { pinError, unpinError, unexpectedlyUnpinned } = TrackerStatus
    if ((status & (pinError | unpinError | unexpectedlyUnpinned)) === 0) return undefined
    const pin = status === unpinError ? undefined : await this.#options.pinset.get(cid, options)
    if (pin === undefined && status !== unpinError) return undefined
    if (!this.#submit(pin === undefined ? 'unpin' : 'pin', cid, pin)) {
      throw new ClusterError('LIMIT', 'pin/unpin operation queue is full. Try increasing max_pin_queue_size')
    }
    const operation = this.#operations.get(pinsetKey(cid))
    return operation === undefined ? await this.status(cid, options) : memoryOperationInfo(operation, pin)
  }

  /** Does what the pinset asks for, and undoes what it does not. */
  async #compare(): Promise<void> {
    const { pinset, self } = this.#options
    const wanted = new Set<string>()
    for await (const pin of itemsOf(pinset.list({}))) {
      const key = pinsetKey(pin.cid)
      wanted.add(key)
      const duty = memoryDuty(pin, self)
      const known = this.#operations.get(key)
      const isDone = known?.phase === 'done' && known.pin !== undefined && coversDepth(known.pin, pin)
      if (duty === 'none' || (duty === 'pin' ? isDone : known === undefined)) continue
      if (known?.type !== duty || known.phase !== 'failed') this.#submit(duty, pin.cid, pin)
    }
    for (const [key, { cid, type }] of this.#operations) {
      if (!wanted.has(key) && type !== 'unpin') this.#submit('unpin', cid, undefined)
    }
  }

  #submit(type: MemoryOperation['type'], cid: CID, pin: Pin | undefined): boolean {
    const key = pinsetKey(cid)
    const current = this.#operations.get(key)
    if (current?.type === type && (current.phase === 'queued' || current.phase === 'running')) {
      current.pin = pin
      return true
    }
    const attempts = current?.type === type && current.phase === 'failed' ? current.attempts : 0
    const atMs = this.#options.clock.nowMs()
    const priority = type === 'pin' && this.#hasPriority(pin, attempts, atMs)
    const base = { key, type, cid, pin, attempts, error: '', atMs, priority, retryAtMs: undefined }
    const operation: MemoryOperation = { ...base, phase: 'queued' }
    if (current !== undefined) this.#lineOf(current).delete(current)
    this.#operations.delete(key)
    this.#runs.get(key)?.abort.abort(new Error('replaced by a newer operation'))
    const line = this.#lineOf(operation)
    const isFull = line.size >= this.#limits.maxPinQueueSize
    if (!isFull) line.add(operation)
    this.#operations.set(key, operation)
    if (isFull) this.#fail(operation, 'pin/unpin operation queue is full. Try increasing max_pin_queue_size')
    else {
      this.#tell(memoryOperationInfo(operation, pin))
      queueMicrotask(() => {
        this.#pump()
      })
    }
    return !isFull
  }

  #pump(): void {
    while (!this.#isStopped) {
      const next = this.#next()
      if (next === undefined) return
      const end = this.#run(next)
      this.#ends.add(end)
      void end.finally(() => this.#ends.delete(end))
    }
  }

  #next(): MemoryOperation | undefined {
    const { priority, normal, unpins } = this.#lines
    // the run of an older operation for the CID ends first
    const firstFree = (line: ReadonlySet<MemoryOperation>): MemoryOperation | undefined => {
      for (const operation of line) if (!this.#runs.has(operation.key)) return operation
      return undefined
    }
    const pin =
      this.#running('pin') < this.#limits.concurrentPins ? (firstFree(priority) ?? firstFree(normal)) : undefined
    return pin ?? (this.#running('unpin') < 1 ? firstFree(unpins) : undefined)
  }

  #lineOf({ type, priority }: MemoryOperation): Set<MemoryOperation> {
    return type === 'pin' ? (priority ? this.#lines.priority : this.#lines.normal) : this.#lines.unpins
  }

  async #run(operation: MemoryOperation): Promise<void> {
    const { ipfs, clock } = this.#options
    const { cid, type, pin } = operation
    const { key } = operation
    const abort = new AbortController()
    this.#lineOf(operation).delete(operation)
    this.#runs.set(key, { operation, abort })
    Object.assign(operation, { phase: 'running', atMs: clock.nowMs() })
    operation.attempts += 1
    this.#tell(memoryOperationInfo(operation, pin))
    let error: string | undefined
    try {
      if (type === 'pin' && pin !== undefined) await ipfs.pin(pin, { signal: abort.signal })
      else await ipfs.unpin(cid, { signal: abort.signal })
    } catch (thrown) {
      error = toClusterError(thrown).message
    }
    this.#runs.delete(key)
    if (this.#isStopped) return
    if (this.#operations.get(key) === operation) this.#end(operation, pin, error)
    this.#pump()
  }

  #end(operation: MemoryOperation, ran: Pin | undefined, error: string | undefined): void {
    const { key, cid, type, pin } = operation
    if (error !== undefined) {
      this.#fail(operation, error)
      return
    }
    if (type !== 'pin') {
      this.#operations.delete(key)
      const status = type === 'unpin' ? TrackerStatus.unpinned : TrackerStatus.remote
      this.#tell(memoryInfo(cid, pin, status, { atMs: this.#options.clock.nowMs() }))
      return
    }
    const isOther = ran?.maxDepth !== pin?.maxDepth
    Object.assign(operation, { phase: isOther ? 'queued' : 'done', attempts: 0, atMs: this.#options.clock.nowMs() })
    if (isOther) this.#lineOf(operation).add(operation)
    else this.#tell(memoryInfo(cid, pin, TrackerStatus.pinned, {}))
  }

  #fail(operation: MemoryOperation, error: string): void {
    const { clock, retryMs } = this.#options
    const atMs = clock.nowMs()
    const retryAtMs = retryMs === undefined ? undefined : atMs + retryMs
    Object.assign(operation, { phase: 'failed', error, atMs, retryAtMs })
    this.#retryLater(operation)
    this.#tell(memoryOperationInfo(operation, operation.pin))
  }

  #retryLater(operation: MemoryOperation): void {
    const { key, retryAtMs, cid, type, pin } = operation
    if (retryAtMs === undefined) return
    const cancel = this.#options.clock.setTimer?.(retryAtMs, () => {
      if (cancel !== undefined) this.#timers.delete(cancel)
      if (this.#operations.get(key) === operation) this.#submit(type, cid, pin)
    })
    if (cancel !== undefined) this.#timers.add(cancel)
  }

  #tell(detail: TrackedPin): void {
    this.safeDispatchEvent('status', { detail })
  }

  #hasPriority(pin: Pin | undefined, attempts: number, nowMs: number): boolean {
    const { priorityPinMaxAgeMs, priorityPinMaxRetries } = this.#limits
    if (pin?.timestamp === undefined || attempts > priorityPinMaxRetries) return false
    return timestampFromMs(nowMs - priorityPinMaxAgeMs) < pin.timestamp
  }

  #running(type: 'pin' | 'unpin'): number {
    return [...this.#runs.values()].filter(({ operation }) => (operation.type === 'pin') === (type === 'pin')).length
  }

  #said(pin: Pin, answer: IPFSPinStatus): TrackedPin {
    const isPinned = answer === IPFSPinStatus.recursive || (answer === IPFSPinStatus.direct && pin.maxDepth === 0)
    if (isPinned) return memoryInfo(pin.cid, pin, TrackerStatus.pinned, {})
    const error = 'the item should be pinned but it is not'
    return memoryInfo(pin.cid, pin, TrackerStatus.unexpectedlyUnpinned, { error })
  }

  /** Whether IPFS can be listed at all. */
  async #list(options: AbortOptions): Promise<void> {
    try {
      await Array.fromAsync(this.#options.ipfs.pinLs(['recursive', 'direct'], options))
    } catch (error) {
      options.signal?.throwIfAborted()
      throw new ClusterError('IPFS', `could not get pinset from IPFS: ${toClusterError(error).message}`)
    }
  }

  /** All CIDs of which there is something to say, in order. */
  async #cids(after: CID | undefined, options: AbortOptions): Promise<readonly CID[]> {
    const cids = new Map<string, CID>()
    for await (const { cid } of itemsOf(this.#options.pinset.list({ after, ...options }))) cids.set(pinsetKey(cid), cid)
    const afterKey = after === undefined ? '' : pinsetKey(after)
    for (const [key, { cid, phase }] of this.#operations) {
      if (key > afterKey && phase !== 'done') cids.set(key, cid)
    }
    return [...cids.values()].sort(comparePinsetOrder)
  }

  #assertRunning(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.#isStopped) throw new ClusterError('STOPPED', 'the tracker was stopped')
  }
}
