import type { AbortOptions } from '@libp2p/interface'
import { wait } from '../sync/deadline.ts'
import { decodeDelta, encodeDelta, sizeInDelta } from '../wire/delta.ts'
import { badEntry } from '../store/draft.ts'
import { CrdtError } from '../errors.ts'
import { Fifo } from '../sync/fifo.ts'
import { cleanKey, type Layout } from '../store/layout.ts'
import type { Clock, CrdtStorage, StorageOperation } from '../ports.ts'

/** A change that a caller asks for. */
export type CrdtOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }

/** When operations of several callers are gathered on purpose, and acknowledged before their block is made. */
export interface Batching {
  /** Operations that make a block at once. */
  readonly maxSize: number
  /** The longest that the first operation of a block waits. */
  readonly maxAgeMs: number
  /** Operations that may wait. */
  readonly maxQueue: number
}

/** An operation that waits for its block. */
export interface Entry {
  readonly operation: CrdtOperation
  readonly bytes: number
  /** Its place in the journal, if it was acknowledged before its block. */
  readonly journal: number | undefined
  readonly settle: (error?: Error) => void
}

/** What a block is made of, and why now. */
export interface Batch {
  readonly entries: readonly Entry[]
  readonly why: 'group' | 'size' | 'max age' | 'shutdown'
}

/** Most operations and bytes that group commit puts in one block. @see spec/wire-crdt.md §7.3 P1 */
export const MAX_GROUP_OPERATIONS = 512
export const MAX_GROUP_BYTES = 512 * 1024
/** A delta above this size is made a block. @see spec/wire-crdt.md §2.13 */
export const MAX_DELTA_BYTES = 1024 * 1024
/** Operations that may wait without batching: far more than callers that wait for their answer send. */
export const MAX_WAITING_OPERATIONS = 100_000

const QUEUE_FULL =
  'error batching item: batching max_queue_size reached. Too many operations are waiting to be batched. ' +
  'Try increasing the max_queue_size or adjusting the batching options'
const RETRY_MS = 1000

/**
 * The queue of local changes. Without batching, what arrives while a block is written goes into the next one. With
 * batching, changes are written to a journal and acknowledged, and made blocks by number and age.
 */
export class Publisher {
  readonly #clock: Clock
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  readonly #batching: Batching | undefined
  readonly #kick: () => void
  readonly #queue = new Fifo<Entry>()
  #accepted = 0
  /** Of what waits for its block. */
  #queuedBytes = 0
  #sequence = 0
  #isDue = false
  #isClosing = false
  #cancelTimer: (() => void) | undefined
  #journaling = 0

  constructor(clock: Clock, storage: CrdtStorage, layout: Layout, batching: Batching | undefined, kick: () => void) {
    this.#clock = clock
    this.#storage = storage
    this.#layout = layout
    this.#batching = batching
    this.#kick = kick
  }

  /** Operations that wait. */
  get size(): number {
    return this.#accepted
  }

  /** Operations that wait for a block to begin. */
  get queued(): number {
    return this.#queue.size
  }

  get isBatching(): boolean {
    return this.#batching !== undefined
  }

  /** Takes up what a former run acknowledged and did not make a block of. */
  async load(signal: AbortSignal): Promise<void> {
    for await (const page of this.#storage.scan(this.#layout.journals(), { signal })) {
      for (const { key, value } of page) {
        const sequence = Number.parseInt(this.#layout.lastSegment(key).slice(1), 16)
        const operation = decodeJournal(value)
        if (operation === undefined || !Number.isSafeInteger(sequence)) throw badEntry('error decoding journal', key)
        this.#sequence = Math.max(this.#sequence, sequence + 1)
        this.#accepted += 1
        this.#push({ operation, bytes: sizeOf(operation), journal: sequence, settle: () => undefined })
      }
    }
    if (this.#queue.size > 0) this.#isDue = true
  }

  /**
   * @returns when the operations are durable: in a block that was announced, or in the journal
   * @throws CrdtError `ERR_CRDT_QUEUE_FULL`, `ERR_CRDT_TOO_LARGE`, `ERR_CRDT_CLOSED`, or what the datastore threw
   */
  async commit(operations: readonly CrdtOperation[], options: AbortOptions): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.#isClosing) throw new CrdtError('ERR_CRDT_CLOSED', 'shutting down. Pin could not be batched')
    if (operations.length === 0) return
    const cleaned = operations.map((operation) => ({ ...operation, key: cleanKey(operation.key) }))
    for (const operation of cleaned) {
      if (sizeOf(operation) <= MAX_DELTA_BYTES) continue
      throw new CrdtError('ERR_CRDT_TOO_LARGE', `the value of ${operation.key.slice(0, 100)} does not fit a block`)
    }
    const limit = this.#batching?.maxQueue ?? MAX_WAITING_OPERATIONS
    if (this.#accepted + cleaned.length > limit) throw new CrdtError('ERR_CRDT_QUEUE_FULL', QUEUE_FULL)
    this.#accepted += cleaned.length
    await wait(this.#batching === undefined ? this.#commitNow(cleaned) : this.#commitLater(cleaned), options.signal)
  }

  async #commitNow(operations: readonly CrdtOperation[]): Promise<void> {
    const settled = operations.map(
      (operation) =>
        new Promise<void>((resolve, reject) => {
          const settle = (error?: Error): void => {
            if (error === undefined) resolve()
            else reject(error)
          }
          this.#push({ operation, bytes: sizeOf(operation), journal: undefined, settle })
        })
    )
    this.#kick()
    await Promise.all(settled)
  }

  async #commitLater(operations: readonly CrdtOperation[]): Promise<void> {
    const first = this.#sequence
    this.#sequence += operations.length
    const journal = operations.map((operation, index): StorageOperation => ({
      put: { key: this.#layout.journal(first + index), value: encodeJournal(operation) }
    }))
    this.#journaling += 1
    try {
      await this.#storage.commit(journal, { durable: true })
    } catch (error) {
      this.#accepted -= operations.length
      throw error
    } finally {
      this.#journaling -= 1
    }
    operations.forEach((operation, index) => {
      this.#push({ operation, bytes: sizeOf(operation), journal: first + index, settle: () => undefined })
    })
    this.#kick()
  }

  #push(entry: Entry): void {
    this.#queue.push(entry)
    this.#queuedBytes += entry.bytes
    this.#startTimer()
  }

  #startTimer(delayMs = this.#batching?.maxAgeMs): void {
    if (delayMs === undefined || this.#cancelTimer !== undefined || this.#isClosing) return
    this.#cancelTimer = this.#clock.setTimer(this.#clock.nowMs() + delayMs, () => {
      this.#cancelTimer = undefined
      this.#isDue = true
      this.#kick()
    })
  }

  /** What the next block is made of, if it is time for one; no more than `most` operations. */
  take(most = Infinity): Batch | undefined {
    if (!this.hasDue) return undefined
    const isFull = this.#isFull
    const why = this.#batching === undefined ? 'group' : isFull ? 'size' : this.#isDue ? 'max age' : 'shutdown'
    const maxOperations = Math.min(most, this.#batching?.maxSize ?? MAX_GROUP_OPERATIONS)
    const maxBytes = this.#batching === undefined ? MAX_GROUP_BYTES : MAX_DELTA_BYTES
    const entries: Entry[] = []
    let bytes = 0
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      bytes += next.bytes
      if (entries.length > 0 && (entries.length >= maxOperations || bytes > maxBytes)) break
      entries.push(next)
      this.#queue.take()
      this.#queuedBytes -= next.bytes
    }
    // what did not fit is as old as what did
    this.#isDue = this.#isDue && this.#queue.size > 0 && entries.length < maxOperations
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#queue.size > 0) this.#startTimer()
    return { entries, why }
  }

  /** The block of these entries is durable. */
  done(entries: readonly Entry[]): void {
    this.#accepted -= entries.length
  }

  /** Their block could not be made: who waits is told, what was acknowledged is tried again. */
  failed(entries: readonly Entry[], error: Error): void {
    const acknowledged = entries.filter((entry) => entry.journal !== undefined)
    for (const entry of entries) if (entry.journal === undefined) entry.settle(error)
    this.#accepted -= entries.length - acknowledged.length
    this.#queue.unshift(acknowledged)
    for (const { bytes } of acknowledged) this.#queuedBytes += bytes
    if (acknowledged.length > 0 && !this.#isClosing) {
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
      this.#startTimer(Math.max(RETRY_MS, this.#batching?.maxAgeMs ?? 0))
    }
  }

  /** No block is made any more: who waits for one is told; what was acknowledged stands in the journal. */
  fail(error: Error): void {
    for (let entry = this.#queue.take(); entry !== undefined; entry = this.#queue.take()) entry.settle(error)
  }

  /** Takes no more; what waits is due now. */
  close(): void {
    this.#isClosing = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#kick()
  }

  get #isFull(): boolean {
    if (this.#batching === undefined || this.#queue.size >= this.#batching.maxSize) return true
    return this.#queuedBytes > MAX_DELTA_BYTES
  }

  /** Whether it is time for a block. */
  get hasDue(): boolean {
    return this.#queue.size > 0 && (this.#isFull || this.#isDue || this.#isClosing)
  }

  /** Whether nothing is on its way to a block or to the journal. */
  get isIdle(): boolean {
    return this.#journaling === 0 && !this.hasDue
  }
}

function sizeOf(operation: CrdtOperation): number {
  return sizeInDelta(operation.key, operation.type === 'put' ? operation.value.length : 0)
}

/** The journal holds deltas of one operation; a removal is a tombstone without an id. */
function encodeJournal(operation: CrdtOperation): Uint8Array {
  return operation.type === 'put'
    ? encodeDelta({ elements: [operation], tombstones: [], priority: 0n })
    : encodeDelta({ elements: [], tombstones: [{ key: operation.key, id: '' }], priority: 0n })
}

function decodeJournal(bytes: Uint8Array): CrdtOperation | undefined {
  try {
    const { elements, tombstones } = decodeDelta(bytes)
    const [element] = elements
    const [tombstone] = tombstones
    if (element !== undefined) return { type: 'put', key: element.key, value: element.value }
    return tombstone === undefined ? undefined : { type: 'delete', key: tombstone.key }
  } catch {
    return undefined
  }
}
