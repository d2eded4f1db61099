import {
  ClusterError,
  MAX_PAGE_ITEMS,
  toClusterError,
  type ListOptions,
  type Logger,
  type PeerDatastore,
  type Pin,
  type ReadonlyState
} from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { Key, type Pair } from 'interface-datastore'
import type { CID } from 'multiformats/cid'
import { pinFromPair, pinKey, pinToPair } from './pin-entry.ts'

/** The first and the last character of keys, as bounds: base32 texts begin with 2 to 7 or A to Z. */
const FIRST_KEY = new Key('/2', false)
const BEYOND_KEYS = new Key('/[', false)

/** A long listing says every so many pins how far it is. */
const PINS_PER_LOG_LINE = 500_000

/** What the state asks of a store; the key-value view of a replicated store has it too. */
export type PinStore = Pick<PeerDatastore, 'get' | 'has' | 'scan' | 'commit'>

/** Which pins of a listing are wanted, and a logger for entries that are no pins. */
export interface StateOptions {
  readonly log?: Pick<Logger, 'info' | 'error'> | undefined
}

/**
 * The pinset over a store in which it has the keys for itself (a namespace). Nothing is kept in memory: a listing of ten
 * million pins needs the memory of one page.
 *
 * Errors are those of the store, and ClusterError `CORRUPT` for an entry that is no pin, `ABORTED` for a listing that
 * was broken off.
 *
 * @see wire-crdt.md §4
 */
export class DatastoreState implements ReadonlyState {
  readonly #store: PinStore
  readonly #log: Pick<Logger, 'info' | 'error'> | undefined

  constructor(store: PinStore, options: StateOptions = {}) {
    this.#store = store
    this.#log = options.log
  }

  /** The pin of a CID, or undefined. CIDs of different versions are different pins. */
  async get(cid: CID, options: AbortOptions = {}): Promise<Pin | undefined> {
    const key = pinKey(cid)
    try {
      return pinFromPair({ key, value: await this.#store.get(key, options) })
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundError') return undefined
      throw error
    }
  }

  /** Whether there is a pin of that CID, without a look at it. */
  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    return this.#store.has(pinKey(cid), options)
  }

  /** Adds a pin, or replaces that of the same CID. Durable when it returns, unless asked not to be. */
  async add(pin: Pin, options: AbortOptions & { readonly durable?: boolean } = {}): Promise<void> {
    await this.#store.commit([{ put: pinToPair(pin) }], { ...options, durable: options.durable ?? true })
  }

  /** Removes the pin of a CID; it is no error if there is none. Durable when it returns, unless asked not to be. */
  async rm(cid: CID, options: AbortOptions & { readonly durable?: boolean } = {}): Promise<void> {
    await this.#store.commit([{ delete: pinKey(cid) }], { ...options, durable: options.durable ?? true })
  }

  /**
   * The pins in the order of their keys, in pages of up to 1024. Entries that are no pins are logged and left out, as the
   * Go peer does. Breaking off frees the scan.
   */
  async *list(options: ListOptions = {}): AsyncGenerator<readonly Pin[], void, undefined> {
    let listed = 0
    try {
      for await (const page of this.#pages(options)) {
        const before = listed
        listed += page.length
        if (Math.floor(listed / PINS_PER_LOG_LINE) > Math.floor(before / PINS_PER_LOG_LINE)) {
          this.#log?.info(`listing the pinset: ${listed} pins so far`)
        }
        yield page
      }
    } catch (error) {
      if (options.signal?.aborted !== true) throw error
      const { message } = toClusterError(error)
      throw new ClusterError('ABORTED', `full pinset listing aborted: ${message}`, { cause: error })
    }
  }

  async *#pages({ after, limit, signal }: ListOptions): AsyncGenerator<readonly Pin[], void, undefined> {
    signal?.throwIfAborted()
    const abort: AbortOptions = signal === undefined ? {} : { signal }
    let from = after === undefined ? undefined : pinKey(after)
    let wanted = limit ?? Infinity
    while (wanted > 0) {
      // One more than wanted, because the range begins with the key that the listing comes after.
      const asked = wanted === Infinity ? undefined : wanted + 1
      let seen = 0
      for await (const pairs of this.#store.scan({ gte: from ?? FIRST_KEY, lt: BEYOND_KEYS, limit: asked }, abort)) {
        signal?.throwIfAborted()
        seen += pairs.length
        const pins = this.#read(pairs, from, wanted)
        from = pairs.at(-1)?.key ?? from
        wanted -= pins.length
        for (let at = 0; at < pins.length; at += MAX_PAGE_ITEMS) yield pins.slice(at, at + MAX_PAGE_ITEMS)
        if (wanted <= 0) return
      }
      // Entries that are no pins took the place of some: go on behind them.
      if (asked === undefined || seen < asked) return
    }
  }

  #read(pairs: readonly Pair[], after: Key | undefined, wanted: number): Pin[] {
    const pins: Pin[] = []
    const excluded = after?.toString()
    for (const pair of pairs) {
      if (pins.length >= wanted) break
      if (pair.key.toString() === excluded) continue
      try {
        pins.push(pinFromPair(pair))
      } catch (error) {
        this.#log?.error('an entry of the pinset is no pin and was left out', { key: pair.key.toString(), error })
      }
    }
    return pins
  }
}
