import { itemsOf, pinsetKey, type BaseContext, type Cluster, type PinsetChange } from '@cluster/api'
import { indexedPin } from './indexed-pin.ts'
import { CHANGES_AT_ONCE, type PinIndex } from './pin-index.ts'
import { encodeRecord } from './index-record.ts'
import type { ServedPin } from '../served-pin.ts'

/** Most changes that wait: with more the whole pinset is compared again. */
const MAX_WAITING = 65_536
/** With more differences than these the index is made anew, which is faster. */
const MAX_DIFFERENCES = 65_536
/** Pause after a failure of the store. */
const RETRY_PAUSE_MS = 5000

type Needs = Pick<BaseContext, 'clock' | 'log'> & { readonly cluster: Cluster }

/**
 * Keeps an index equal to the pinset: takes up each change, and compares with all of it at the start and whenever
 * changes were lost.
 */
export class IndexFeed {
  readonly #context: Needs
  readonly #index: PinIndex
  readonly #applied: (keys: Iterable<string>) => void
  readonly #stopping = new AbortController()
  readonly #waiting = new Map<string, ServedPin | undefined>()
  #mustCompare = true
  #isReady = false
  #wake: (() => void) | undefined
  #unwatch: (() => void) | undefined
  #running: Promise<void> | undefined

  /** @param applied - told which pins the index shows as they are now */
  constructor(context: Needs, index: PinIndex, applied: (keys: Iterable<string>) => void) {
    this.#context = context
    this.#index = index
    this.#applied = applied
  }

  /** Whether the index shows the pinset, but for what happened a moment ago. */
  get isReady(): boolean {
    return this.#isReady
  }

  start(): void {
    this.#unwatch = this.#context.cluster.events?.watch((event) => {
      if (event.type === 'pinset') this.#take(event.change)
    })
    this.#running = this.#run()
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#unwatch?.()
    this.#stopping.abort(new DOMException('the service stops', 'AbortError'))
    this.#wake?.()
    await this.#running
    this.#running = undefined
  }

  #take(change: PinsetChange): void {
    if (change.type === 'resync') this.#mustCompare = true
    else if (change.type === 'pin') this.#waiting.set(pinsetKey(change.pin.cid), indexedPin(change.pin))
    else this.#waiting.set(pinsetKey(change.cid), undefined)
    if (this.#waiting.size > MAX_WAITING) {
      this.#waiting.clear()
      this.#mustCompare = true
    }
    this.#wake?.()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let state: 'unopened' | 'open' | 'none' = 'unopened'
    while (!signal.aborted) {
      try {
        if (state === 'unopened') {
          const found = await this.#index.open(signal)
          state = found === 'none' ? 'none' : 'open'
          this.#isReady = found === 'clean'
        }
        if (state === 'none') {
          await this.#build(signal)
          state = 'open'
        } else if (this.#mustCompare && !(await this.#compare(signal))) {
          state = 'none'
          continue
        }
        this.#isReady = true
        if (!(await this.#applyWaiting())) await this.#sleep()
      } catch (error) {
        if (this.#isStopping()) break
        this.#isReady = false
        this.#mustCompare = true
        state = 'unopened'
        this.#context.log.error('the index of the Pinning Service API failed; listings are slow until it works', {
          error
        })
        await this.#sleep(RETRY_PAUSE_MS)
      }
    }
    const isWhole = this.#isReady && !this.#mustCompare && this.#waiting.size === 0
    this.#isReady = false
    if (isWhole) await this.#index.close().catch(() => undefined) // then it is compared at the next start
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  async #build(signal: AbortSignal): Promise<void> {
    this.#isReady = false
    this.#mustCompare = false
    this.#context.log.info('making the index of the Pinning Service API')
    await this.#index.build(this.#context.cluster.pins.list({ signal }), signal)
  }

  /** Applies what differs; `false` when that is too much. */
  async #compare(signal: AbortSignal): Promise<boolean> {
    this.#mustCompare = false
    const known = this.#index.recordBytes(signal)
    const records = itemsOf(known)[Symbol.asyncIterator]()
    const differing = new Map<string, ServedPin | undefined>()
    let differences = 0
    const differs = async (key: string, pin: ServedPin | undefined): Promise<void> => {
      differences += 1
      differing.set(key, pin)
      if (differing.size >= CHANGES_AT_ONCE) await this.#apply(differing)
    }
    let record = await records.next()
    try {
      for await (const pin of itemsOf(this.#context.cluster.pins.list({ signal }))) {
        const key = pinsetKey(pin.cid)
        for (; record.done !== true && record.value[0] < key; record = await records.next()) {
          await differs(record.value[0], undefined)
        }
        const served = indexedPin(pin)
        const bytes = record.done !== true && record.value[0] === key ? record.value[1] : undefined
        if (bytes !== undefined) record = await records.next()
        if (served === undefined ? bytes !== undefined : bytes === undefined || !encodeRecord(served).equals(bytes)) {
          await differs(key, served)
        }
        if (differences > MAX_DIFFERENCES) return false
      }
      for (; record.done !== true; record = await records.next()) await differs(record.value[0], undefined)
    } finally {
      await records.return(undefined)
    }
    await this.#apply(differing)
    return differences <= MAX_DIFFERENCES
  }

  async #applyWaiting(): Promise<boolean> {
    const some = new Map([...this.#waiting].slice(0, CHANGES_AT_ONCE))
    if (some.size === 0) return false
    for (const key of some.keys()) this.#waiting.delete(key)
    await this.#apply(some)
    return true
  }

  async #apply(changes: Map<string, ServedPin | undefined>): Promise<void> {
    await this.#index.apply(changes)
    this.#applied(changes.keys())
    changes.clear()
  }

  /** Until something happens. */
  async #sleep(ms?: number): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    const { clock } = this.#context
    const cancel = ms === undefined ? undefined : clock.setTimer(clock.nowMs() + ms, wake)
    if (ms === undefined) {
      if (this.#waiting.size > 0 || this.#mustCompare) return
      this.#wake = wake
    } else this.#stopping.signal.addEventListener('abort', wake, { once: true })
    await promise
    cancel?.()
    this.#wake = undefined
    this.#stopping.signal.removeEventListener('abort', wake)
  }
}
