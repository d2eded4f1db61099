import { CrdtError } from '../../errors.ts'
import { Fifo } from '../fifo.ts'
import { wait } from '../deadline.ts'
import { digestKey, sha256, type DigestKey } from './digest.ts'
import type { IndexEntry } from './message.ts'

/** Limits of fetching ahead. */
export interface PrefetchLimits {
  /** Bytes of blocks that are on their way or wait for the walk. */
  readonly maxBytes: number
  /** Blocks that are known to come, are on their way or wait for the walk. */
  readonly maxBlocks: number
}

/** One block that the walk will ask for. */
interface Expected {
  readonly key: DigestKey
  readonly digest: Uint8Array
  readonly size: number
  state: 'queued' | 'coming' | 'here'
  bytes: Uint8Array | undefined
  /** Servers that did not have it. */
  readonly lackedBy: Set<string>
  waiting: ((bytes: Uint8Array | undefined) => void)[]
}

/** Blocks to ask a server for. */
export interface Order {
  readonly digests: readonly Uint8Array[]
  readonly entries: readonly Expected[]
}

/**
 * The blocks that are fetched ahead of the walk, in the order of the index, and taken by it. Bounded in bytes and
 * blocks. It trusts nobody: a block is what its hash says, or it is not there.
 */
export class Prefetch {
  readonly #limits: PrefetchLimits
  readonly #expected = new Map<DigestKey, Expected>()
  #queue = new Fifo<Expected>()
  /** Of queued ones, those that the walk waits for. */
  #urgent = new Fifo<Expected>()
  #bytes = 0
  /** Called when there is room, or something to ask for. */
  onRoom: () => void = () => undefined
  /** Something waits for room. */
  #isHeld = false
  taken = 0

  constructor(limits: PrefetchLimits) {
    this.#limits = limits
  }

  /** Blocks that are expected, on their way, or here. */
  get size(): number {
    return this.#expected.size
  }

  /** Bytes on their way or here. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether more may be expected. If not, `onRoom` is called once half of it was taken. */
  hasRoom(): boolean {
    const hasRoom = this.#expected.size < this.#limits.maxBlocks && this.#bytes < this.#limits.maxBytes
    this.#isHeld ||= !hasRoom
    return hasRoom
  }

  /** Whether blocks wait to be ordered. */
  get hasOrders(): boolean {
    return this.#urgent.size + this.#queue.size > 0
  }

  expects(digest: Uint8Array): boolean {
    return this.#expected.has(digestKey(digest))
  }

  /** These blocks are missing here, and some server has them. */
  expect(entries: Iterable<IndexEntry>): void {
    for (const { digest, size } of entries) {
      const key = digestKey(digest)
      if (this.#expected.has(key)) continue
      const entry: Expected = {
        key,
        digest,
        size,
        state: 'queued',
        bytes: undefined,
        lackedBy: new Set(),
        waiting: []
      }
      this.#expected.set(key, entry)
      this.#queue.push(entry)
    }
  }

  /** The block, if it is here: most are, and a wait costs more than the block. */
  takeHere(digest: Uint8Array): Uint8Array | undefined {
    const entry = this.#expected.get(digestKey(digest))
    return entry?.bytes === undefined ? undefined : this.#takeNow(entry, entry.bytes)
  }

  /** The block, now or when it comes; `undefined` if it is not expected, or did not come. */
  async take(digest: Uint8Array, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const entry = this.#expected.get(digestKey(digest))
    if (entry === undefined) return undefined
    if (entry.bytes !== undefined) return this.#takeNow(entry, entry.bytes)
    if (entry.state === 'queued' && entry.waiting.length === 0) {
      this.#urgent.push(entry)
      this.onRoom()
    }
    return wait(
      new Promise((resolve) => {
        entry.waiting.push(resolve)
      }),
      signal
    )
  }

  #takeNow(entry: Expected, bytes: Uint8Array): Uint8Array {
    this.#remove(entry)
    this.taken += 1
    const { maxBlocks, maxBytes } = this.#limits
    const isHalfEmpty = this.#expected.size * 2 <= maxBlocks && this.#bytes * 2 <= maxBytes
    if (this.#expected.size === 0 || (this.#isHeld && isHalfEmpty)) {
      this.#isHeld = false
      this.onRoom() // not for each block: whoever waits for room looks at everything
    }
    return bytes
  }

  #remove(entry: Expected): void {
    if (!this.#expected.delete(entry.key)) return
    if (entry.state !== 'queued') this.#bytes -= entry.size
  }

  /** What to ask a server for next; nothing, when there is no room or nothing that it may have. */
  order(server: string, maxBlocks: number, maxBytes: number): Order | undefined {
    const entries: Expected[] = []
    const put: Expected[] = []
    let bytes = 0
    while (entries.length < maxBlocks && bytes < maxBytes) {
      const isUrgent = this.#urgent.size > 0
      if (!isUrgent && this.#bytes >= this.#limits.maxBytes) {
        this.#isHeld = true
        break
      }
      const entry = isUrgent ? this.#urgent.take() : this.#queue.take()
      if (entry === undefined) break
      if (entry.state !== 'queued' || this.#expected.get(entry.key) !== entry) continue
      if (entry.lackedBy.has(server)) {
        put.push(entry)
        continue
      }
      entry.state = 'coming'
      this.#bytes += entry.size
      bytes += entry.size
      entries.push(entry)
    }
    for (const entry of put) this.#queue.push(entry)
    return entries.length === 0 ? undefined : { entries, digests: entries.map(({ digest }) => digest) }
  }

  /**
   * A block came for an order.
   *
   * @throws CrdtError `ERR_CRDT_CATCH_UP`: nobody asked for it, or it is larger than was said
   */
  arrived(order: ReadonlyMap<DigestKey, unknown>, bytes: Uint8Array): void {
    const key = digestKey(sha256(bytes))
    if (!order.has(key)) throw new CrdtError('ERR_CRDT_CATCH_UP', 'a block came that was not asked for')
    const entry = this.#expected.get(key)
    if (entry?.state !== 'coming') return
    if (bytes.length !== entry.size) throw new CrdtError('ERR_CRDT_CATCH_UP', 'a block has another size than was said')
    entry.state = 'here'
    const { waiting } = entry
    entry.waiting = []
    if (waiting.length === 0) {
      entry.bytes = bytes.slice() // not the whole message that it came in
      return
    }
    this.#takeNow(entry, bytes)
    for (const resolve of waiting) resolve(bytes)
  }

  /** The answer to an order is complete, or will not be: what has not come is asked of others, or given up. */
  finished(order: Order, server: string, others: readonly string[]): void {
    for (const entry of order.entries) {
      if (entry.state !== 'coming') continue
      entry.lackedBy.add(server)
      this.#bytes -= entry.size
      entry.state = 'queued'
      if (others.some((other) => !entry.lackedBy.has(other))) {
        if (entry.waiting.length > 0) this.#urgent.push(entry)
        else this.#queue.push(entry)
      } else this.#giveUp(entry)
    }
    this.onRoom()
  }

  /** Nobody is left who could send what has not come. What is here stays, to be taken. */
  dropMissing(): void {
    for (const entry of [...this.#expected.values()]) if (entry.bytes === undefined) this.#giveUp(entry)
  }

  /** Forgets everything. Whoever waits is told that nothing comes. */
  clear(): void {
    for (const entry of [...this.#expected.values()]) this.#giveUp(entry)
    this.#queue = new Fifo()
    this.#urgent = new Fifo()
  }

  #giveUp(entry: Expected): void {
    this.#remove(entry)
    const { waiting } = entry
    entry.waiting = []
    for (const resolve of waiting) resolve(undefined)
  }
}
