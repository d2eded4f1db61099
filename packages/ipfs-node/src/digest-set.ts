import type { MultihashDigest } from 'multiformats/hashes/interface'
import { IpfsNodeError } from './errors.ts'

const wordsPerEntry = 4
const bytesPerEntry = wordsPerEntry * 4

/** More blocks than this in one set is taken for an attack or a mistake: 2 GiB of memory, 16 TiB of 256 KiB blocks. */
const defaultMaxEntries = 2 ** 26

/**
 * A set of multihashes that costs about 32 bytes an entry: marks of a garbage collection, blocks seen on a walk.
 *
 * It keeps 128 bits of each digest. Two blocks that agree in those are taken for one, so it may answer `true` for a
 * block that was never added (nobody can make that happen for somebody else's block), never `false` for one that was.
 */
export class DigestSet {
  readonly #max: number
  #slots = new Uint32Array(64 * wordsPerEntry)
  #used = new Uint8Array(64)
  #size = 0
  readonly #scratch = new Uint8Array(bytesPerEntry)
  readonly #words = new Uint32Array(this.#scratch.buffer)

  constructor(max: number = defaultMaxEntries) {
    this.#max = max
  }

  /** How many multihashes are in the set. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds a multihash; `salt` keeps uses of one digest apart (the codec it is read with).
   *
   * @returns false when it was there already.
   * @throws IpfsNodeError `DAG_TOO_LARGE` when the set is full.
   */
  add(multihash: MultihashDigest, salt = 0): boolean {
    const slot = this.#find(multihash, salt)
    if (this.#used[slot] === 1) return false
    if (this.#size >= this.#max) {
      throw new IpfsNodeError('DAG_TOO_LARGE', `more than ${this.#max} blocks in one walk`)
    }
    this.#used[slot] = 1
    this.#slots.set(this.#words, slot * wordsPerEntry)
    this.#size++
    if (this.#size * 2 > this.#used.length) this.#grow()
    return true
  }

  has(multihash: MultihashDigest, salt = 0): boolean {
    return this.#used[this.#find(multihash, salt)] === 1
  }

  #find(multihash: MultihashDigest, salt: number): number {
    const { digest } = multihash
    this.#scratch.fill(0)
    this.#scratch.set(digest.byteLength > bytesPerEntry ? digest.subarray(0, bytesPerEntry) : digest)
    this.#words[0] = (this.#words[0] ?? 0) ^ Math.imul(salt, 0x9e3779b1)
    this.#words[1] = (this.#words[1] ?? 0) ^ Math.imul(multihash.code, 0x85ebca6b)
    return probe(this.#slots, this.#used, this.#words)
  }

  #grow(): void {
    const count = this.#used.length
    const slots = new Uint32Array(count * 2 * wordsPerEntry)
    const used = new Uint8Array(count * 2)
    for (let i = 0; i < count; i++) {
      if (this.#used[i] !== 1) continue
      const words = this.#slots.subarray(i * wordsPerEntry, (i + 1) * wordsPerEntry)
      const slot = probe(slots, used, words)
      used[slot] = 1
      slots.set(words, slot * wordsPerEntry)
    }
    this.#slots = slots
    this.#used = used
  }
}

function probe(slots: Uint32Array, used: Uint8Array, words: Uint32Array): number {
  const mask = used.length - 1
  let slot = mix(words) & mask
  while (used[slot] === 1) {
    const at = slot * wordsPerEntry
    if (
      slots[at] === words[0] &&
      slots[at + 1] === words[1] &&
      slots[at + 2] === words[2] &&
      slots[at + 3] === words[3]
    ) {
      break
    }
    slot = (slot + 1) & mask
  }
  return slot
}

/** Digests are random, but the words beside the first need to count too: identity and salted entries are not. */
function mix(words: Uint32Array): number {
  let h = 0
  for (const word of words) h = Math.imul(h ^ word, 0x9e3779b1) ^ (h >>> 15)
  return h ^ (h >>> 16)
}
