import { pinsetKey, timestampFromMs, type Pin } from '@cluster/api'
import type { Operation, OperationType } from './operation.ts'

/** Limits of an {@link OperationQueue}. */
interface QueueLimits {
  readonly maxPinQueueSize: number
  readonly concurrentPins: number
  readonly priorityPinMaxAgeMs: number
  readonly priorityPinMaxRetries: number
}

/** Unpins run one after the other. */
const CONCURRENT_UNPINS = 1

/**
 * What became of a submitted intent: a new operation waits; one of the same type is already going on and now has the
 * newer pin; or there is no room.
 */
type Submitted = 'queued' | 'updated' | 'full'

interface Entry extends Operation {
  pin: Pin
  phase: 'queued' | 'running'
  attempts: number
  timestamp: bigint
  /** The queue it waits in; none while it runs, or while an older run for the CID has not ended. */
  queue: Set<Entry> | undefined
  /** The depth that the run under way was started with. */
  runDepth: number
}

/**
 * Decides what runs next: one current operation per CID, three bounded queues, a limit of runs. It does no I/O and
 * knows no clock: whoever runs the operations calls {@link next} until it gives nothing, and {@link settle} when a run
 * ended. At most one run per CID is under way at any time, also while an operation replaces a running one.
 *
 * @see behaviours.md §4.2, §4.3, §4.4
 */
export class OperationQueue {
  readonly #limits: QueueLimits
  readonly #current = new Map<string, Entry>()
  /** Runs under way by CID; the run of an operation that was replaced stays here until it ended. */
  readonly #runs = new Map<string, Entry>()
  readonly #priority = new Set<Entry>()
  readonly #pins = new Set<Entry>()
  readonly #unpins = new Set<Entry>()
  /** Queued operations that wait for an older run of their CID, by type. */
  #heldPins = 0
  #heldUnpins = 0
  #runningPins = 0
  #runningUnpins = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** The current operation of a CID. */
  get(key: string): Operation | undefined {
    return this.#current.get(key)
  }

  /** How many pins wait. */
  get pinQueueSize(): number {
    return this.#priority.size + this.#pins.size + this.#heldPins
  }

  /** How many pins run. */
  get pinsRunning(): number {
    return this.#runningPins
  }

  /** Whether nothing waits. */
  get isDrained(): boolean {
    return this.pinQueueSize === 0 && this.#unpins.size + this.#heldUnpins === 0
  }

  /** The run under way for a CID, also of an operation that was replaced. */
  runOf(key: string): Operation | undefined {
    return this.#runs.get(key)
  }

  /**
   * Asks for something to be done. A current operation of another type is replaced: if it runs, its run is to be
   * aborted, see {@link isReplaced} and {@link runOf}; the new one waits until that run has
   * ended.
   *
   * @param attempts - runs of failed operations of the same type that this one goes on from
   */
  submit(type: OperationType, pin: Pin, attempts: number, nowMs: number): Submitted {
    const key = pinsetKey(pin.cid)
    const current = this.#current.get(key)
    if (current?.type === type) {
      current.pin = pin
      return 'updated'
    }
    // the one replaced gives its place up, whether or not there is one for its successor
    if (current !== undefined) this.#drop(current)
    const priority = type === 'pin' && this.#hasPriority(pin, attempts, nowMs)
    const queue = type === 'pin' ? (priority ? this.#priority : this.#pins) : this.#unpins
    const held = type === 'pin' ? this.#heldPins : this.#heldUnpins
    if (queue.size + held >= this.#limits.maxPinQueueSize) return 'full'
    const timestamp = timestampFromMs(nowMs)
    const entry: Entry = {
      key,
      type,
      pin,
      phase: 'queued',
      attempts,
      priority,
      timestamp,
      queue: undefined,
      runDepth: 0
    }
    this.#current.set(key, entry)
    this.#enqueue(entry)
    return 'queued'
  }

  /** Whether a pin of this age and history goes before others. */
  isPriority(type: OperationType, pin: Pin, attempts: number, nowMs: number): boolean {
    return type === 'pin' && this.#hasPriority(pin, attempts, nowMs)
  }

  /** Begins the operation that is to run next, if one may. */
  next(nowMs: number): Operation | undefined {
    const entry = this.#nextPin() ?? this.#nextUnpin()
    if (entry === undefined) return undefined
    entry.queue?.delete(entry)
    entry.queue = undefined
    entry.phase = 'running'
    entry.attempts += 1
    entry.timestamp = timestampFromMs(nowMs)
    entry.runDepth = entry.pin.maxDepth
    this.#runs.set(entry.key, entry)
    if (entry.type === 'pin') this.#runningPins += 1
    else this.#runningUnpins += 1
    return entry
  }

  /** Whether a running operation is no longer the current one of its CID: its run is to be aborted. */
  isReplaced(operation: Operation): boolean {
    return this.#current.get(operation.key) !== operation
  }

  /**
   * Ends a run.
   *
   * @returns whether its outcome counts: not that of an operation that was replaced, nor that of a pin whose depth was
   * changed while it ran and which therefore succeeded in something else; that one waits again
   */
  settle(operation: Operation, succeeded: boolean, nowMs: number): boolean {
    const entry = this.#runs.get(operation.key)
    if (entry === undefined || entry !== operation) throw new Error(`no such run: ${operation.key}`)
    this.#runs.delete(entry.key)
    if (entry.type === 'pin') this.#runningPins -= 1
    else this.#runningUnpins -= 1
    const current = this.#current.get(entry.key)
    if (current !== entry) {
      if (current !== undefined) this.#release(current)
      return false
    }
    if (succeeded && entry.type === 'pin' && entry.pin.maxDepth !== entry.runDepth) {
      entry.phase = 'queued'
      entry.attempts = 0
      entry.timestamp = timestampFromMs(nowMs)
      this.#enqueue(entry)
      return false
    }
    this.#current.delete(entry.key)
    return true
  }

  #hasPriority(pin: Pin, attempts: number, nowMs: number): boolean {
    const { priorityPinMaxAgeMs, priorityPinMaxRetries } = this.#limits
    if (pin.timestamp === undefined || attempts > priorityPinMaxRetries) return false
    return timestampFromMs(nowMs - priorityPinMaxAgeMs) < pin.timestamp
  }

  #nextPin(): Entry | undefined {
    if (this.#runningPins >= this.#limits.concurrentPins) return undefined
    return firstOf(this.#priority) ?? firstOf(this.#pins)
  }

  #nextUnpin(): Entry | undefined {
    return this.#runningUnpins >= CONCURRENT_UNPINS ? undefined : firstOf(this.#unpins)
  }

  #enqueue(entry: Entry): void {
    if (this.#runs.has(entry.key)) {
      this.#countHeld(entry, 1)
      return
    }
    entry.queue = entry.type === 'pin' ? (entry.priority ? this.#priority : this.#pins) : this.#unpins
    entry.queue.add(entry)
  }

  /** The older run ended: the operation held back for it may go. */
  #release(entry: Entry): void {
    this.#countHeld(entry, -1)
    this.#enqueue(entry)
  }

  #drop(entry: Entry): void {
    this.#current.delete(entry.key)
    if (entry.phase === 'running') return
    if (entry.queue === undefined) this.#countHeld(entry, -1)
    else entry.queue.delete(entry)
  }

  #countHeld(entry: Entry, by: 1 | -1): void {
    if (entry.type === 'pin') this.#heldPins += by
    else this.#heldUnpins += by
  }
}

function firstOf<T>(set: ReadonlySet<T>): T | undefined {
  const [first] = set
  return first
}
