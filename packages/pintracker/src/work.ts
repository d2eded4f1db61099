import {
  isClusterError,
  limitCounter,
  pinOf,
  pinsetKey,
  timestampFromMs,
  TrackerStatus,
  type BaseContext,
  type IpfsConnector,
  type LimitCounter,
  type Pin,
  type PinFailure,
  type ReadonlyState,
  type TrackedPin
} from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { dutyOf, isFailed } from './assess.ts'
import { failureOf } from './failure.ts'
import type { IndexRecord, OperationRecord } from './index-record.ts'
import { OPERATION_STATUS, type Operation, type OperationType } from './operation.ts'
import { OperationQueue, type QueueLimits } from './operation-queue.ts'
import { MAX_WAIT_MS, retryAtMs, RetrySchedule } from './retry-schedule.ts'
import { cidOfKey, type StatusIndex } from './status-index.ts'
import { trackedOperation, trackedPin } from './tracked-pin.ts'

/** The error of an operation that found no room. */
export const QUEUE_FULL_TEXT = 'pin/unpin operation queue is full. Try increasing max_pin_queue_size'

/**
 * Time between two beginnings while the process is busy and the pinset changes. Callers wait for their answers then; the
 * daemon can wait. What takes long at the daemon is not slowed by it.
 */
export const BUSY_INTERVAL_MS = 50
/** The pinset counts as changing for so long after a change. */
const CHANGING_MS = 1000

/** What the work needs of the component context. */
interface WorkContext extends Pick<BaseContext, 'clock' | 'random' | 'log' | 'metrics'> {
  readonly self: PeerId
  readonly ipfs: Pick<IpfsConnector, 'pin' | 'unpin'>
  readonly pinset: Pick<ReadonlyState, 'get'>
  /** Whether the process has no time to spare. Absent: it always has. */
  readonly isBusy?: (() => boolean) | undefined
}

/** Who is told of what happens. */
interface WorkListener {
  onStatus(info: TrackedPin): void
  /** Something that failed is to be tried again: take it from `retries`. */
  onRetryDue(): void
  /** There is room again for what was parked in the index. */
  onRoom(): void
}

/** What is known of a CID that an operation is submitted for. */
export interface Submission {
  readonly type: OperationType
  readonly pin: Pin
  /** What the index says of it: attempts go on from a failure of the same type. */
  readonly record: IndexRecord | undefined
  /** Whether IPFS is known not to have it pinned. */
  readonly isAbsent?: boolean
  /**
   * Without room: `fail`, the operation counts as failed and is tried again later; `park`, it stays in the index as
   * still to be done.
   */
  readonly whenFull: 'fail' | 'park'
}

/** A run under way. */
interface Run {
  readonly abort: AbortController
  nodes: number
}

/**
 * Runs what the queue decides: calls IPFS, aborts the run of a replaced operation, writes the outcome to the index, sets
 * the time of the next try. The only place where operations meet I/O and time.
 */
export class Work {
  readonly queue: OperationQueue
  readonly retries = new RetrySchedule()
  readonly #context: WorkContext
  readonly #index: StatusIndex
  readonly #listener: WorkListener
  readonly #runs = new Map<Operation, Run>()
  readonly #ends = new Set<Promise<void>>()
  readonly #limitReached: LimitCounter
  /** Pins that failed and wait for their next try, or for somebody to recover them. */
  pinErrors = 0
  /** Whether those that were in the index at the start are among them. */
  hasCounted = false
  #state: 'idle' | 'working' | 'stopped' = 'idle'
  #parked = false
  /** Since the queue last had nothing waiting, it was full, and that was logged. */
  #wasFull = false
  #cancelRetry: () => void = () => undefined
  #wakeMs: number | undefined
  #cancelWake: () => void = () => undefined
  #submittedMs = -Infinity
  /** When the last operation began, and what ends the pause after it. */
  #begunMs = -Infinity
  #cancelYield: () => void = () => undefined

  constructor(context: WorkContext, limits: QueueLimits, index: StatusIndex, listener: WorkListener) {
    this.#context = context
    this.#index = index
    this.#listener = listener
    this.#limitReached = limitCounter(context.metrics)
    this.queue = new OperationQueue(limits)
  }

  start(): void {
    if (this.#state !== 'idle') return
    this.#state = 'working'
    this.#pump()
    this.armRetry()
  }

  /** Aborts all runs and waits until they ended. What waits stays in the index. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#cancelRetry()
    this.#cancelWake()
    this.#cancelYield()
    for (const { abort } of this.#runs.values()) abort.abort(new Error('the tracker stops'))
    await Promise.all(this.#ends)
  }

  /**
   * Queues an operation, or keeps the one of this type that is already going on.
   *
   * @returns whether there was room
   */
  submit({ type, pin, record, isAbsent = false, whenFull }: Submission): boolean {
    const nowMs = this.#context.clock.nowMs()
    this.#submittedMs = nowMs
    const key = pinsetKey(pin.cid)
    const attempts = record?.state === type ? record.attempts : 0
    const isSlow = record?.state === type && record.isSlow === true
    const knownAbsent = isAbsent || record?.state === 'lost' || (record?.state === type && record.isAbsent === true)
    const submitted = this.queue.submit({ key, type, pin, attempts, isSlow, isAbsent: knownAbsent }, nowMs)
    this.#abortReplaced(key)
    if (submitted === 'updated') return true
    if (isPinError(record)) this.pinErrors -= 1
    this.retries.delete(key)
    const priority = this.queue.isPriority(type, pin, attempts, nowMs)
    const todo: OperationRecord = {
      state: type,
      at: timestampFromMs(nowMs),
      attempts,
      error: '',
      priority,
      isSlow,
      isAbsent: knownAbsent
    }
    if (submitted === 'full' && whenFull === 'fail') {
      this.#noteFull()
      this.#fail(key, pin, { ...todo, error: QUEUE_FULL_TEXT, reason: 'queue_full' })
      return false
    }
    this.#index.set(key, todo)
    if (submitted === 'full') {
      this.#parked = true
      return false
    }
    const operation = this.queue.get(key)
    if (operation !== undefined) this.#listener.onStatus(trackedOperation(pin, operation))
    this.#pump()
    return true
  }

  /** The daemon is another one, or was restarted: what nothing arrived of may come now. */
  forgetSlow(): void {
    this.queue.forgetSlow()
    this.#pump()
  }

  /** Notes when something that failed is tried again: a time further off than any was set before the clock was. */
  retryLater(key: string, atMs: number): void {
    this.retries.set(key, Math.min(atMs, this.#context.clock.nowMs() + MAX_WAIT_MS))
  }

  /** Sets the timer for the next retry. */
  armRetry(): void {
    this.#cancelRetry()
    const { nextMs } = this.retries
    if (this.#state !== 'working' || nextMs === undefined) return
    const { clock } = this.#context
    this.#cancelRetry = clock.setTimer(Math.min(nextMs, clock.nowMs() + MAX_WAIT_MS), () => {
      this.#listener.onRetryDue()
    })
  }

  #abortReplaced(key: string): void {
    const run = this.queue.runOf(key)
    if (run === undefined || !this.queue.isReplaced(run)) return
    this.#runs.get(run)?.abort.abort(new Error('replaced by a newer operation'))
  }

  #pump(): void {
    while (this.#state === 'working') {
      if (this.#mustYield()) return
      const nowMs = this.#context.clock.nowMs()
      const operation = this.queue.next(nowMs)
      if (operation === undefined) break
      this.#begunMs = nowMs
      const end = this.#run(operation)
      this.#ends.add(end)
      void end.finally(() => this.#ends.delete(end))
    }
    if (this.#state !== 'working') return
    this.#setAside()
    if (!this.queue.isDrained) return
    this.#wasFull = false
    if (!this.#parked) return
    this.#parked = false
    this.#listener.onRoom()
  }

  /** While callers need the processor, operations begin one after the other, with pauses. */
  #mustYield(): boolean {
    const { clock, isBusy } = this.#context
    const nowMs = clock.nowMs()
    if (nowMs - this.#submittedMs > CHANGING_MS || this.queue.isDrained || isBusy?.() !== true) return false
    const dueMs = this.#begunMs + BUSY_INTERVAL_MS
    // a clock that was set back would keep everything waiting
    if (nowMs >= dueMs || nowMs < this.#begunMs) return false
    this.#cancelYield()
    this.#cancelYield = clock.setTimer(dueMs, () => {
      this.#pump()
    })
    return true
  }

  /** Ends runs of which nothing arrives, where others wait; sets the timer for when there is more to decide. */
  #setAside(): void {
    for (const operation of this.queue.setAside(this.#context.clock.nowMs())) {
      this.#runs.get(operation)?.abort.abort(new Error('others go first'))
    }
    const wakeMs = this.queue.wakeMs(this.#context.clock.nowMs())
    if (wakeMs === this.#wakeMs) return
    this.#cancelWake()
    this.#cancelWake = () => undefined
    this.#wakeMs = wakeMs
    if (wakeMs === undefined) return
    this.#cancelWake = this.#context.clock.setTimer(wakeMs, () => {
      this.#wakeMs = undefined
      this.#pump()
    })
  }

  #noteFull(): void {
    this.#limitReached('tracker_queue')
    if (this.#wasFull) return
    this.#wasFull = true
    this.#context.log.warn(QUEUE_FULL_TEXT, { waiting: this.queue.pinQueueSize })
  }

  async #run(operation: Operation): Promise<void> {
    const run: Run = { abort: new AbortController(), nodes: 0 }
    this.#runs.set(operation, run)
    if (operation.pin !== undefined) this.#listener.onStatus(trackedOperation(operation.pin, operation))
    // also what the connector throws at once must end up here
    const failure = await Promise.resolve()
      .then(() => this.#execute(operation, run))
      .then(
        () => undefined,
        (error: unknown) => ({ error })
      )
    this.#runs.delete(operation)
    if (this.#state === 'stopped') return
    const nowMs = this.#context.clock.nowMs()
    const { pin } = operation
    const settled = this.queue.settle(operation, failure === undefined, nowMs)
    if (settled === 'counts') {
      if (failure !== undefined) this.#failRun(operation, run.nodes, failure.error, nowMs)
      else if (pin !== undefined) this.#succeed(operation, pin, nowMs)
    } else if (settled === 'aside' || settled === 'again') this.#wait(operation, pin, nowMs)
    this.#pump()
  }

  async #execute(operation: Operation, run: Run): Promise<void> {
    const { ipfs, clock } = this.#context
    const { signal } = run.abort
    const pin = operation.pin ?? (await this.#find(operation, signal))
    // the pinset no longer wants this; the change that says so is on its way
    if (pin === undefined) return
    // what IPFS may have or have no more, the index must know after a power cut
    await this.#index.written(operation.key)
    signal.throwIfAborted()
    if (operation.type !== 'pin') {
      await this.#unpin(operation, pin.cid, signal)
      return
    }
    await ipfs.pin(pin, {
      signal,
      onProgress: (nodes) => {
        run.nodes = nodes
        if (this.queue.progress(operation, clock.nowMs())) this.#pump()
      },
      ...(operation.isAbsent ? { isKnownAbsent: true } : {})
    })
  }

  async #unpin({ type }: Operation, cid: CID, signal: AbortSignal): Promise<void> {
    try {
      await this.#context.ipfs.unpin(cid, { signal })
    } catch (error) {
      // where unpinning is switched off, what others hold may stay here
      if (type !== 'remote' || !isClusterError(error, 'NOT_SUPPORTED')) throw error
    }
  }

  /** What an operation is about, of which only the CID was kept. */
  async #find(operation: Operation, signal: AbortSignal): Promise<Pin | undefined> {
    const cid = cidOfKey(operation.key)
    const { pinset, self } = this.#context
    const pin = operation.type === 'unpin' ? barePin(cid) : await pinset.get(cid, { signal })
    if (pin === undefined || (operation.type !== 'unpin' && dutyOf(pin, self) !== operation.type)) return undefined
    this.queue.found(operation, pin)
    this.#listener.onStatus(trackedOperation(pin, operation))
    return pin
  }

  #succeed({ key, type }: Operation, pin: Pin, nowMs: number): void {
    const at = timestampFromMs(nowMs)
    const pinned: IndexRecord = { state: 'pinned', at, depth: pin.maxDepth, attempts: 0, error: '', priority: false }
    this.#index.set(key, type === 'pin' ? pinned : undefined)
    const status = { pin: TrackerStatus.pinned, unpin: TrackerStatus.unpinned, remote: TrackerStatus.remote }[type]
    this.#listener.onStatus(trackedPin(pin, status, { timestamp: at }))
  }

  #failRun(operation: Operation, nodes: number, error: unknown, nowMs: number): void {
    const { key, type, attempts, priority, isSlow, hasProgress } = operation
    const pin = operation.pin ?? barePin(cidOfKey(key))
    const { text, reason } = failureOf(error, nodes)
    this.#context.log.error(`${type} failed: ${text}`, { cid: pin.cid.toString(), attempts })
    const isAbsent = operation.isAbsent || hasProgress || ABSENT_AFTER.has(reason)
    const at = timestampFromMs(nowMs)
    this.#fail(key, pin, { state: type, at, attempts, error: text, reason, priority, isSlow, isAbsent })
  }

  #fail(key: string, pin: Pin, record: OperationRecord): void {
    const { clock, random } = this.#context
    if (record.state === 'pin') this.pinErrors += 1
    const retry = retryAtMs(record.attempts, clock.nowMs(), random)
    this.#index.set(key, { ...record, retryAtMs: retry })
    this.retryLater(key, retry)
    this.armRetry()
    const { at: timestamp, error, reason, attempts, priority } = record
    const status = OPERATION_STATUS[record.state].failed
    const info = trackedPin(pin, status, { timestamp, error, attempts, priority })
    this.#listener.onStatus({ ...info, reason, retryAt: timestampFromMs(retry) })
  }

  /** Its run is over, and it waits again: after a restart as well. */
  #wait(operation: Operation, pin: Pin | undefined, nowMs: number): void {
    const { key, type, attempts, priority, isSlow, isAbsent } = operation
    this.#index.set(key, { state: type, at: timestampFromMs(nowMs), attempts, error: '', priority, isSlow, isAbsent })
    if (pin !== undefined) this.#listener.onStatus(trackedOperation(pin, operation))
  }
}

/** Failures that come only after IPFS had looked whether the content is pinned. */
const ABSENT_AFTER: ReadonlySet<PinFailure> = new Set(['no_providers', 'no_progress'])

/** Whether a record stands for a pin in error. */
export function isPinError(record: IndexRecord | undefined): boolean {
  return record?.state === 'pin' && isFailed(record)
}

/** A pin of which only the CID is known, as unpins carry it. */
export function barePin(cid: CID): Pin {
  return { ...pinOf(cid), allocations: undefined }
}
