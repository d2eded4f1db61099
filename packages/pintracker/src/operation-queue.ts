import { timestampFromMs, type Pin } from '@cluster/api'
import type { Entry, Intent, Operation, OperationType } from './operation.ts'
import { Running } from './running.ts'
import { WaitingLine } from './waiting-line.ts'

/** Limits of an {@link OperationQueue}. */
export interface QueueLimits {
  /** Most operations that wait in each of the lines: young pins, other pins, slow pins, unpins. */
  readonly maxPinQueueSize: number
  /** How many pins run at once. */
  readonly concurrentPins: number
  /** A pin younger than this goes before older ones, in milliseconds. */
  readonly priorityPinMaxAgeMs: number
  /** A pin that failed more often than this goes to the others. */
  readonly priorityPinMaxRetries: number
  /** Pins that may begin in a second; no limit if 0 or left out. */
  readonly pinsPerSecond?: number
}

/** Pins that are kept whole while they wait, the first ones; of those behind them only the CID is. */
const MAX_PINS_HELD = 1024

/**
 * What became of a submitted intent: a new operation waits; one of the same type is already going on and now has the
 * newer pin; or there is no room.
 */
type Submitted = 'queued' | 'updated' | 'full'

/**
 * How a run that ended is to be taken: its outcome `counts`; the operation was `replaced`, and nothing of the run
 * matters any more; it waits `again`, because the depth changed while it ran; or it was set `aside` and waits behind
 * others.
 */
type Settled = 'counts' | 'replaced' | 'again' | 'aside'

/**
 * Decides what runs next: one current operation per CID, bounded lines, a limit of runs. It does no I/O and knows no
 * clock: whoever runs the operations calls {@link next} until it gives nothing, {@link settle} when a run ended, and
 * {@link setAside} to learn which runs are to end early. At most one run per CID is under way at any time, also while an
 * operation replaces a running one.
 *
 * Pins wait in three lines. Young ones that have not failed often go first, then the others. Those of which nothing
 * arrived for long go last and have half of the runs at most, so that content that nobody has never keeps content that
 * can be had waiting: see {@link Running}.
 *
 * @see behaviours.md §4.2, §4.3, §4.4; §8 item 13
 */
export class OperationQueue {
  readonly #limits: QueueLimits
  readonly #current = new Map<string, Entry>()
  readonly #running: Running
  readonly #lines = {
    priority: new WaitingLine(),
    normal: new WaitingLine(),
    slow: new WaitingLine(),
    unpins: new WaitingLine()
  }
  /** Queued operations that wait for an older run of their CID, by kind. */
  readonly #held = { pins: 0, unpins: 0 }
  #pinsHeld = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
    this.#running = new Running(limits.concurrentPins, limits.pinsPerSecond ?? 0)
  }

  /** The current operation of a CID. */
  get(key: string): Operation | undefined {
    return this.#current.get(key)
  }

  /** How many pins wait. */
  get pinQueueSize(): number {
    const { priority, normal, slow } = this.#lines
    return priority.size + normal.size + slow.size + this.#held.pins
  }

  /** How many pins run. */
  get pinsRunning(): number {
    return this.#running.pins
  }

  /** Whether nothing waits. */
  get isDrained(): boolean {
    return this.pinQueueSize === 0 && this.#lines.unpins.size + this.#held.unpins === 0
  }

  /** The run under way for a CID, also of an operation that was replaced. */
  runOf(key: string): Operation | undefined {
    return this.#running.get(key)
  }

  /**
   * Asks for something to be done. A current operation of another type is replaced: if it runs, its run is to be
   * aborted, see {@link isReplaced} and {@link runOf}; the new one waits until that run has ended.
   */
  submit(intent: Intent, nowMs: number): Submitted {
    const { key, type, pin, attempts, isSlow = false, isAbsent = false } = intent
    const current = this.#current.get(key)
    if (current?.type === type) {
      if (current.pin !== undefined || current.phase === 'running') current.pin = pin
      current.depth = pin.maxDepth
      return 'updated'
    }
    // the one replaced gives its place up, whether or not there is one for its successor
    if (current !== undefined) this.#drop(current)
    const priority = this.isPriority(type, pin, attempts, nowMs)
    const waiting = this.#lineOf(type, priority, isSlow).size + (type === 'pin' ? this.#held.pins : this.#held.unpins)
    if (waiting >= this.#limits.maxPinQueueSize) return 'full'
    const entry: Entry = {
      key,
      type,
      pin: this.#hold(pin),
      depth: pin.maxDepth,
      phase: 'queued',
      attempts,
      priority,
      isSlow,
      isAbsent,
      hasProgress: false,
      sinceMs: nowMs,
      progressMs: 0,
      isSetAside: false,
      runDepth: 0,
      line: undefined,
      before: undefined,
      behind: undefined
    }
    this.#current.set(key, entry)
    this.#enqueue(entry)
    return 'queued'
  }

  /** Whether a pin of this age and history goes before others. */
  isPriority(type: OperationType, { timestamp }: Pin, attempts: number, nowMs: number): boolean {
    const { priorityPinMaxAgeMs, priorityPinMaxRetries } = this.#limits
    if (type !== 'pin' || timestamp === undefined || attempts > priorityPinMaxRetries) return false
    return timestampFromMs(nowMs - priorityPinMaxAgeMs) < timestamp
  }

  /** Begins the operation that is to run next, if one may. Its pin may have to be found first: see {@link found}. */
  next(nowMs: number): Operation | undefined {
    const entry = this.#nextPin(nowMs) ?? (this.#running.hasRoomForUnpin ? this.#lines.unpins.first : undefined)
    if (entry === undefined) return undefined
    entry.line?.remove(entry)
    if (entry.pin !== undefined) this.#pinsHeld -= 1
    this.#running.begin(entry, nowMs)
    return entry
  }

  /** Tells what a running operation is about, which had been left in the pinset. */
  found(operation: Operation, pin: Pin): void {
    const run = this.#running.get(operation.key)
    if (run === undefined || run !== operation) return
    run.pin = pin
    run.depth = run.runDepth = pin.maxDepth
  }

  /** Something of a running pin arrived. Says whether it was taken for slow until now: another may run. */
  progress(operation: Operation, nowMs: number): boolean {
    return this.#running.progress(operation.key, nowMs)
  }

  /** The runs that are to be aborted now, because others wait that more may be expected of. */
  setAside(nowMs: number): readonly Operation[] {
    return this.#running.setAside(this.#freshWaiting, nowMs)
  }

  /** When to ask for {@link next} and {@link setAside} again, though nothing else happens until then. */
  wakeMs(nowMs: number): number | undefined {
    const { hasRoomForPin, hasRoomForSlow, slowMs } = this.#running
    if (!hasRoomForPin) return this.#freshWaiting === 0 ? undefined : slowMs
    return this.#freshWaiting > 0 || (this.#lines.slow.size > 0 && hasRoomForSlow)
      ? this.#running.paceMs(nowMs)
      : undefined
  }

  /** Nothing that was slow counts as slow any more: the daemon was restarted. */
  forgetSlow(): void {
    for (let entry = this.#lines.slow.first; entry !== undefined; entry = this.#lines.slow.first) {
      this.#lines.slow.remove(entry)
      entry.isSlow = false
      this.#enqueue(entry)
    }
  }

  /** Whether a running operation is no longer the current one of its CID: its run is to be aborted. */
  isReplaced(operation: Operation): boolean {
    return this.#current.get(operation.key) !== operation
  }

  /** Ends a run. */
  settle(operation: Operation, succeeded: boolean, nowMs: number): Settled {
    const entry = this.#running.end(operation, nowMs, succeeded)
    const current = this.#current.get(entry.key)
    if (current !== entry) {
      if (current !== undefined) this.#release(current)
      return 'replaced'
    }
    const isOther = succeeded && entry.type === 'pin' && entry.depth !== entry.runDepth
    const isAside = !succeeded && entry.isSetAside
    entry.isSetAside = false
    if (!isOther && !isAside) {
      this.#current.delete(entry.key)
      return 'counts'
    }
    entry.phase = 'queued'
    if (isOther) entry.attempts = 0
    if (entry.pin !== undefined) entry.pin = this.#hold(entry.pin)
    entry.sinceMs = nowMs
    this.#enqueue(entry)
    return isOther ? 'again' : 'aside'
  }

  get #freshWaiting(): number {
    return this.#lines.priority.size + this.#lines.normal.size
  }

  #nextPin(nowMs: number): Entry | undefined {
    const { priority, normal, slow } = this.#lines
    if (!this.#running.hasRoomForPin || nowMs < this.#running.paceMs(nowMs)) return undefined
    if (slow.first !== undefined && this.#running.keepsPlaceForSlow) return slow.first
    return priority.first ?? normal.first ?? (this.#running.hasRoomForSlow ? slow.first : undefined)
  }

  #lineOf(type: OperationType, priority: boolean, isSlow: boolean): WaitingLine {
    if (type !== 'pin') return this.#lines.unpins
    return isSlow ? this.#lines.slow : priority ? this.#lines.priority : this.#lines.normal
  }

  #enqueue(entry: Entry): void {
    if (this.#running.get(entry.key) !== undefined) this.#countHeld(entry, 1)
    else this.#lineOf(entry.type, entry.priority, entry.isSlow).push(entry)
  }

  /** The older run ended: the operation held back for it may go. */
  #release(entry: Entry): void {
    this.#countHeld(entry, -1)
    this.#enqueue(entry)
  }

  #drop(entry: Entry): void {
    this.#current.delete(entry.key)
    if (entry.phase === 'running') return
    if (entry.pin !== undefined) this.#pinsHeld -= 1
    if (entry.line === undefined) this.#countHeld(entry, -1)
    else entry.line.remove(entry)
  }

  /** The pin itself while few wait; a million of them would fill the memory. */
  #hold(pin: Pin): Pin | undefined {
    if (this.#pinsHeld >= MAX_PINS_HELD) return undefined
    this.#pinsHeld += 1
    return pin
  }

  #countHeld({ type }: Entry, by: 1 | -1): void {
    this.#held[type === 'pin' ? 'pins' : 'unpins'] += by
  }
}
