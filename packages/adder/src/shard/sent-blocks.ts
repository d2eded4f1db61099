import type { CID } from 'multiformats/cid'

/** Words of a digest that are kept: 128 bits, in which no two blocks agree by chance. */
const WORDS = 4
const FIRST_SLOTS = 1024

/**
 * Which blocks an add has sent. A block takes 16 bytes, and twice that until the table fills up: millions of them fit
 * into memory, where CIDs would not.
 */
export class SentBlocks {
  #slots = new Uint32Array(FIRST_SLOTS * WORDS)
  #size = 0
  readonly #scratch = new Uint32Array(WORDS)
  readonly #scratchBytes = new Uint8Array(this.#scratch.buffer)

  /** @returns false when it was there already */
  add({ multihash: { digest } }: CID): boolean {
    this.#scratch.fill(0)
    this.#scratchBytes.set(digest.subarray(-this.#scratchBytes.length))
    // A slot of zeros is a free one.
    if (this.#scratch.every((word) => word === 0)) this.#scratch[0] = 1
    const slot = find(this.#slots, this.#scratch)
    if (!isFree(this.#slots, slot)) return false
    this.#slots.set(this.#scratch, slot)
    this.#size++
    if (this.#size * 2 * WORDS > this.#slots.length) this.#grow()
    return true
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    for (let slot = 0; slot < this.#slots.length; slot += WORDS) {
      if (isFree(this.#slots, slot)) continue
      const entry = this.#slots.subarray(slot, slot + WORDS)
      larger.set(entry, find(larger, entry))
    }
    this.#slots = larger
  }
}

/** Where an entry is, or where it belongs. */
function find(slots: Uint32Array, entry: Uint32Array): number {
  const last = slots.length - 1
  for (let slot = ((entry[0] ?? 0) * WORDS) & last; ; slot = (slot + WORDS) & last) {
    if (isFree(slots, slot)) return slot
    if (entry.every((word, index) => slots[slot + index] === word)) return slot
  }
}

function isFree(slots: Uint32Array, slot: number): boolean {
  return !slots[slot] && !slots[slot + 1] && !slots[slot + 2] && !slots[slot + 3]
}
