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
  type TrackedPin
} from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { isFailed } from './assess.ts'
import type { StatelessConfig } from './config.ts'
import { MAX_ERROR_LENGTH, type IndexRecord, type OperationRecord } from './index-record.ts'
import { OPERATION_STATUS, type Operation, type OperationType } from './operation.ts'
import { OperationQueue } from './operation-queue.ts'
import { retryAtMs, RetrySchedule } from './retry-schedule.ts'
import type { StatusIndex } from './status-index.ts'
import { trackedOperation, trackedPin } from './tracked-pin.ts'

/** The error of an operation that found no room. */
export const QUEUE_FULL_TEXT = 'pin/unpin operation queue is full. Try increasing max_pin_queue_size'

/** What the work needs of the component context. */
interface WorkContext extends Pick<BaseContext, 'clock' | 'random' | 'log' | 'metrics'> {
  readonly ipfs: Pick<IpfsConnector, 'pin' | 'unpin'>
}

/** Who is told of what happens. */
interface WorkListener {
  onStatus(info: TrackedPin): void
  /** Something that failed is to be tried again: take it from `retries`. */
  onRetryDue(): void
  /** There is room again for what was parked in the index. */
  onRoom(): void
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
  readonly #aborts = new Map<Operation, AbortController>()
  readonly #runs = new Set<Promise<void>>()
  readonly #limitReached: LimitCounter
  /** Pins that failed and wait for their next try, or for somebody to recover them. */
  pinErrors = 0
  #state: 'idle' | 'working' | 'stopped' = 'idle'
  #parked = false
  /** Since the queue last had nothing waiting, it was full, and that was logged. */
  #wasFull = false
  #cancelRetry: () => void = () => undefined

  constructor(context: WorkContext, limits: StatelessConfig, index: StatusIndex, listener: WorkListener) {
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
    for (const abort of this.#aborts.values()) abort.abort(new Error('the tracker stops'))
    await Promise.all(this.#runs)
  }

  /**
   * Queues an operation, or keeps the one of this type that is already going on.
   *
   * @param record - what the index says of the CID: attempts go on from a failure of the same type
   * @param whenFull - `fail`: the operation counts as failed and is tried again later; `park`: it stays in the index as
   * still to be done
   * @returns whether there was room
   */
  submit(type: OperationType, pin: Pin, record: IndexRecord | undefined, whenFull: 'fail' | 'park'): boolean {
    const nowMs = this.#context.clock.nowMs()
    const key = pinsetKey(pin.cid)
    const attempts = record?.state === type ? record.attempts : 0
    const submitted = this.queue.submit(type, pin, attempts, nowMs)
    this.#abortReplaced(key)
    if (submitted === 'updated') return true
    if (isPinError(record)) this.pinErrors -= 1
    this.retries.delete(key)
    const priority = this.queue.isPriority(type, pin, attempts, nowMs)
    const todo: OperationRecord = { state: type, at: timestampFromMs(nowMs), attempts, error: '', priority }
    if (submitted === 'full' && whenFull === 'fail') {
      this.#noteFull()
      this.#fail(key, pin, { ...todo, error: QUEUE_FULL_TEXT })
      return false
    }
    this.#index.set(key, todo)
    if (submitted === 'full') {
      this.#parked = true
      return false
    }
    const operation = this.queue.get(key)
    if (operation !== undefined) this.#listener.onStatus(trackedOperation(operation))
    this.#pump()
    return true
  }

  /** Sets the timer for the next retry. */
  armRetry(): void {
    this.#cancelRetry()
    const { nextMs } = this.retries
    if (this.#state !== 'working' || nextMs === undefined) return
    this.#cancelRetry = this.#context.clock.setTimer(nextMs, () => {
      this.#listener.onRetryDue()
    })
  }

  #abortReplaced(key: string): void {
    const run = this.queue.runOf(key)
    if (run === undefined || !this.queue.isReplaced(run)) return
    this.#aborts.get(run)?.abort(new Error('replaced by a newer operation'))
  }

  #pump(): void {
    while (this.#state === 'working') {
      const operation = this.queue.next(this.#context.clock.nowMs())
      if (operation === undefined) break
      const run = this.#run(operation)
      this.#runs.add(run)
      void run.finally(() => this.#runs.delete(run))
    }
    if (!this.queue.isDrained || this.#state !== 'working') return
    this.#wasFull = false
    if (!this.#parked) return
    this.#parked = false
    this.#listener.onRoom()
  }

  #noteFull(): void {
    this.#limitReached('tracker_queue')
    if (this.#wasFull) return
    this.#wasFull = true
    this.#context.log.warn(QUEUE_FULL_TEXT, { waiting: this.queue.pinQueueSize })
  }

  async #run(operation: Operation): Promise<void> {
    const abort = new AbortController()
    this.#aborts.set(operation, abort)
    this.#listener.onStatus(trackedOperation(operation))
    // also what the connector throws at once must end up here
    const failure = await Promise.resolve()
      .then(() => this.#execute(operation, abort.signal))
      .then(
        () => undefined,
        (error: unknown) => ({ error })
      )
    this.#aborts.delete(operation)
    if (this.#state === 'stopped') return
    const nowMs = this.#context.clock.nowMs()
    const counts = this.queue.settle(operation, failure === undefined, nowMs)
    if (counts && failure === undefined) this.#succeed(operation, nowMs)
    else if (counts && failure !== undefined) this.#failRun(operation, failure.error, nowMs)
    this.#pump()
  }

  async #execute({ type, pin }: Operation, signal: AbortSignal): Promise<void> {
    const { ipfs } = this.#context
    if (type === 'pin') {
      await ipfs.pin(pin, { signal })
      return
    }
    try {
      await ipfs.unpin(pin.cid, { signal })
    } catch (error) {
      // where unpinning is switched off, what others hold may stay here
      if (type !== 'remote' || !isClusterError(error, 'NOT_SUPPORTED')) throw error
    }
  }

  #succeed({ key, type, pin }: Operation, nowMs: number): void {
    const at = timestampFromMs(nowMs)
    const pinned: IndexRecord = { state: 'pinned', at, depth: pin.maxDepth, attempts: 0, error: '', priority: false }
    this.#index.set(key, type === 'pin' ? pinned : undefined)
    const status = { pin: TrackerStatus.pinned, unpin: TrackerStatus.unpinned, remote: TrackerStatus.remote }[type]
    this.#listener.onStatus(trackedPin(pin, status, { timestamp: at }))
  }

  #failRun({ key, type, pin, attempts, priority }: Operation, error: unknown, nowMs: number): void {
    const text = (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LENGTH)
    this.#context.log.error(`${type} failed: ${text}`, { cid: pin.cid.toString(), attempts })
    const at = timestampFromMs(nowMs)
    this.#fail(key, pin, { state: type, at, attempts, error: text === '' ? 'unknown error' : text, priority })
  }

  #fail(key: string, pin: Pin, record: OperationRecord): void {
    const { clock, random } = this.#context
    if (record.state === 'pin') this.pinErrors += 1
    const retry = retryAtMs(record.attempts, clock.nowMs(), random)
    this.#index.set(key, { ...record, retryAtMs: retry })
    this.retries.set(key, retry)
    this.armRetry()
    const { at: timestamp, error, attempts, priority } = record
    const status = OPERATION_STATUS[record.state].failed
    this.#listener.onStatus(trackedPin(pin, status, { timestamp, error, attempts, priority }))
  }
}

/** Whether a record stands for a pin in error. */
export function isPinError(record: IndexRecord | undefined): boolean {
  return record?.state === 'pin' && isFailed(record)
}

/** A pin of which only the CID is known, as unpins carry it. */
export function barePin(cid: CID): Pin {
  return { ...pinOf(cid), allocations: undefined }
}
