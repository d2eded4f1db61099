import type { BlockKey } from '../cid/key.ts'

/** Bytes that may be asked for before the peer has shown how fast it is. @see bitswap.md §4.8.4 */
const START_BYTES = 2 * 1024 * 1024
const MIN_BYTES = 1024 * 1024
const MAX_BYTES = 16 * 1024 * 1024
/** The window covers twice what arrives in a round trip; shorter ones than this are not told apart. */
const MIN_ROUND_TRIP_MS = 50
/** Deliveries are summed up over at least this time before they count as a sample of the rate. */
const SAMPLE_MS = 100
const RATE_ALPHA = 0.3

interface Owed {
  sinceMs: number
  readonly bytes: number
}

/**
 * The want-blocks that one peer owes us, oldest first, and how many bytes it may owe at once.
 *
 * @see bitswap.md §4.8.4
 */
export class DeliveryWindow {
  readonly #owed = new Map<BlockKey, Owed>()
  #owedBytes = 0
  /** Bytes per millisecond; undefined before the first sample. */
  #rate: number | undefined
  /** The quickest answer so far, which stands for the round trip. */
  #roundTripMs = Infinity
  #sampleStartMs: number | undefined
  #sampleBytes = 0

  get size(): number {
    return this.#owed.size
  }

  /** Expected bytes of all that is owed. */
  get owedBytes(): number {
    return this.#owedBytes
  }

  /** When all that is owed should have come, in milliseconds from now; without a sample, as if it were all equal. */
  get backlogMs(): number {
    return this.#owedBytes / (this.#rate ?? START_BYTES / MIN_ROUND_TRIP_MS)
  }

  has(key: BlockKey): boolean {
    return this.#owed.has(key)
  }

  keys(): IterableIterator<BlockKey> {
    return this.#owed.keys()
  }

  /** Whether a block of the expected size may be asked for besides. One always may. */
  fits(bytes: number): boolean {
    return this.#owed.size === 0 || this.#owedBytes + bytes <= this.limitBytes
  }

  get limitBytes(): number {
    if (this.#rate === undefined) return START_BYTES
    return Math.min(Math.max(2 * this.#rate * this.#roundTrip(), MIN_BYTES), MAX_BYTES)
  }

  add(key: BlockKey, bytes: number, nowMs: number): void {
    if (this.#owed.size === 0) {
      this.#sampleStartMs = nowMs
      this.#sampleBytes = 0
    }
    this.#owed.set(key, { sinceMs: nowMs, bytes })
    this.#owedBytes += bytes
  }

  /** The want went out only now: its time counts from here. */
  sent(key: BlockKey, nowMs: number): void {
    const owed = this.#owed.get(key)
    if (owed === undefined) return
    this.#owed.delete(key)
    this.#owed.set(key, { ...owed, sinceMs: nowMs })
  }

  /** @returns the bytes that it counted for; 0 when it was not owed */
  remove(key: BlockKey): number {
    const owed = this.#owed.get(key)
    if (owed === undefined) return 0
    this.#owed.delete(key)
    this.#owedBytes -= owed.bytes
    return owed.bytes
  }

  /** Counts what arrived, for the rate. */
  delivered(bytes: number, nowMs: number): void {
    this.#sampleBytes += bytes
    const tookMs = nowMs - (this.#sampleStartMs ?? nowMs)
    if (tookMs < SAMPLE_MS) return
    const rate = this.#sampleBytes / tookMs
    this.#rate = this.#rate === undefined ? rate : this.#rate * (1 - RATE_ALPHA) + rate * RATE_ALPHA
    this.#sampleStartMs = nowMs
    this.#sampleBytes = 0
  }

  /** An answer took so long. */
  latency(tookMs: number): void {
    this.#roundTripMs = Math.min(this.#roundTripMs, tookMs)
  }

  /** The oldest debt, and since when. */
  oldest(): { key: BlockKey; sinceMs: number } | undefined {
    const first = this.#owed.entries().next().value
    return first && { key: first[0], sinceMs: first[1].sinceMs }
  }

  #roundTrip(): number {
    return this.#roundTripMs === Infinity ? MIN_ROUND_TRIP_MS : Math.max(this.#roundTripMs, MIN_ROUND_TRIP_MS)
  }
}
