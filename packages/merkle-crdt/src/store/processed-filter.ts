import type { Layout } from './layout.ts'
import type { Clock, CrdtStorage } from '../ports.ts'
import type { BlockId } from '../wire/block-id.ts'

/** Bits for each block, and how many of them one block sets: 1 of 120 answers is wrong, and costs a look at the disk. */
const BITS_PER_BLOCK = 10
const HASHES = 7
/** Blocks of the first layer; each further one has twice as many. */
const FIRST_CAPACITY = 131_072
/** Beyond so many blocks (40 MiB of filters) the disk is asked. */
const MAX_BLOCKS = 1 << 25
/** Questions to the disk after which reading all marks once is worth while. */
const BUILD_AFTER = 512
const MAX_RECENT = 4096

interface Layer {
  readonly bits: Uint32Array
  readonly capacity: number
  count: number
}

/**
 * Says of most blocks that are not merged that they are not, without a look at the disk: a Bloom filter of the processed
 * marks. It is complete from the start in a new store; in others it is built when many blocks are asked for, as after
 * some days away. Until then it says nothing.
 *
 * @see spec/wire-crdt.md §7.3 P15
 */
export class ProcessedFilter {
  readonly #storage: CrdtStorage
  readonly #layout: Layout
  readonly #clock: Pick<Clock, 'soon'>
  readonly #signal: AbortSignal
  #layers: Layer[] = []
  /** Those that were written last: above all the heads, to which each local block links. */
  readonly #recent = new Set<BlockId>()
  #count = 0
  #isComplete = false
  #building: Promise<void> | undefined
  #questions = 0
  /** Grows when the content is thrown away: a build from before then counts no more. */
  #generation = 0

  constructor(storage: CrdtStorage, layout: Layout, clock: Pick<Clock, 'soon'>, signal: AbortSignal) {
    this.#storage = storage
    this.#layout = layout
    this.#clock = clock
    this.#signal = signal
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Begins anew with what the datastore holds now. */
  async load(): Promise<void> {
    this.#generation += 1
    this.#layers = []
    this.#recent.clear()
    this.#count = 0
    this.#questions = 0
    this.#building = undefined
    this.#isComplete = false
    const range = { ...this.#layout.allProcessed(), limit: 1 }
    for await (const page of this.#storage.scan(range, { signal: this.#signal })) if (page.length > 0) return
    this.#isComplete = true
  }

  /** The block is merged, or will be by the write that is being made. */
  add(id: BlockId): void {
    let layer = this.#layers.at(-1)
    if (layer === undefined || layer.count >= layer.capacity) {
      if (this.#count >= MAX_BLOCKS) {
        this.#isComplete = false
        return
      }
      const capacity = layer === undefined ? FIRST_CAPACITY : layer.capacity * 2
      layer = { bits: new Uint32Array((capacity * BITS_PER_BLOCK) >>> 5), capacity, count: 0 }
      this.#layers.push(layer)
    }
    layer.count += 1
    this.#count += 1
    const size = layer.bits.length << 5
    const [first, step] = hashes(id)
    for (let turn = 0, hash = first; turn < HASHES; turn += 1, hash = (hash + step) >>> 0) {
      const bit = hash % size
      layer.bits[bit >>> 5] = (layer.bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
  }

  /** These blocks are merged, and that is on disk. */
  wrote(ids: Iterable<BlockId>): void {
    for (const id of ids) this.#recent.add(id)
    for (const id of this.#recent) {
      if (this.#recent.size <= MAX_RECENT) return
      this.#recent.delete(id)
    }
  }

  /** Whether the block is merged; `undefined`: the disk must be asked. */
  has(id: BlockId): boolean | undefined {
    if (this.#recent.has(id)) return true
    return this.mayHave(id) ? undefined : false
  }

  /** `false`: the block is certainly not merged, and not written by a merge. */
  mayHave(id: BlockId): boolean {
    if (!this.#isComplete) {
      this.#questions += 1
      if (this.#questions === BUILD_AFTER) this.#building ??= this.#build()
      return true
    }
    const [first, step] = hashes(id)
    return this.#layers.some(({ bits }) => {
      const size = bits.length << 5
      for (let turn = 0, hash = first; turn < HASHES; turn += 1, hash = (hash + step) >>> 0) {
        const bit = hash % size
        if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
      }
      return true
    })
  }

  /** Ends what it does in between. */
  async close(): Promise<void> {
    this.#generation += 1
    await this.#building
  }

  /** Reads all marks once, in between other work. What is merged meanwhile is added by who merges it. */
  async #build(): Promise<void> {
    const generation = this.#generation
    try {
      for await (const page of this.#storage.scan(this.#layout.allProcessed(), { signal: this.#signal })) {
        if (this.#generation !== generation) return
        for (const { key } of page) this.add(this.#layout.lastSegment(key))
        await new Promise<void>((resolve) => {
          this.#clock.soon(resolve)
        })
      }
      if (this.#generation === generation && this.#count < MAX_BLOCKS) this.#isComplete = true
    } catch {
      // the disk is asked, as before; if it fails, that is told by who needs it
    }
  }
}

/** Two numbers of 32 bits from the text of an ID: FNV-1a over its two halves, which are random as they are. */
function hashes(id: BlockId): readonly [number, number] {
  let first = 0x811c9dc5
  let second = 0x01000193
  // the first 7 characters are the same for all sha2-256 multihashes
  const middle = (id.length + 7) >>> 1
  for (let at = 7; at < middle; at += 1) first = Math.imul(first ^ id.charCodeAt(at), 0x01000193)
  for (let at = middle; at < id.length; at += 1) second = Math.imul(second ^ id.charCodeAt(at), 0x01000193)
  return [(first ^ (first >>> 15)) >>> 0, (second | 1) >>> 0]
}
