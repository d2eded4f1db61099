import type { Cutter } from './cutter.ts'

/** The irreducible polynomial over GF(2), and its degree. */
const POLYNOMIAL = 0x3df305dfb2a805n
const DEGREE = 53n
/** Bytes that the hash stands for. */
const WINDOW = 16

/** Sizes of chunks in bytes. */
export interface RabinSizes {
  readonly min: number
  readonly avg: number
  readonly max: number
}

/** A 53-bit digest in two words: the upper 21 bits and the lower 32. */
interface Words {
  readonly high: Int32Array
  readonly low: Int32Array
}

/**
 * What each value of a byte adds to the digest when it leaves the window, and what the eight bits add that a shift
 * pushes beyond the degree. Made once for all files of an add.
 *
 * @see behaviours.md §6.4.1
 */
export class RabinTables {
  readonly out: Words = { high: new Int32Array(256), low: new Int32Array(256) }
  readonly mod: Words = { high: new Int32Array(256), low: new Int32Array(256) }

  constructor() {
    for (let byte = 0; byte < 256; byte++) {
      let digest = append(0n, BigInt(byte))
      for (let zeros = 1; zeros < WINDOW; zeros++) digest = append(digest, 0n)
      setWords(this.out, byte, digest)
      const top = BigInt(byte) << DEGREE
      setWords(this.mod, byte, modulo(top) ^ top)
    }
  }
}

function append(digest: bigint, byte: bigint): bigint {
  return modulo((digest << 8n) | byte)
}

function modulo(value: bigint): bigint {
  let rest = value
  for (let degree = BigInt(rest.toString(2).length) - 1n; rest >> DEGREE > 0n; degree--) {
    if ((rest >> degree) & 1n) rest ^= POLYNOMIAL << (degree - DEGREE)
  }
  return rest
}

function setWords({ high, low }: Words, index: number, digest: bigint): void {
  high[index] = Number(digest >> 32n)
  low[index] = Number(BigInt.asIntN(32, digest))
}

/**
 * Content-defined chunks by a Rabin fingerprint of the last 16 bytes.
 *
 * @see behaviours.md §6.4.1
 */
export class RabinCutter implements Cutter {
  readonly maxSize: number
  readonly #min: number
  readonly #mask: number
  readonly #tables: RabinTables
  /** Bytes of the chunk that were looked at; those before the first window are skipped. */
  #length: number
  #high = 0
  #low = 1

  constructor({ min, avg, max }: RabinSizes, tables: RabinTables) {
    this.maxSize = max
    this.#min = min
    this.#mask = 2 ** Math.floor(Math.log2(avg)) - 1
    this.#tables = tables
    this.#length = min - WINDOW
  }

  cut(bytes: Uint8Array, from: number, to: number): number {
    const { high: outHigh, low: outLow } = this.#tables.out
    const { high: modHigh, low: modLow } = this.#tables.mod
    const mask = this.#mask
    const firstCut = from + this.#min - 1
    const end = Math.min(to, from + this.maxSize)
    let high = this.#high
    let low = this.#low
    let at = from + this.#length
    // A chunk begins with an empty window and a one in it, which leaves with the byte that makes a chunk long enough.
    for (const warm = Math.min(firstCut + 1, end); at < warm; at++) {
      const leaving = at === firstCut ? 1 : 0
      high ^= outHigh[leaving] ?? 0
      low ^= outLow[leaving] ?? 0
      const top = high >>> 13
      high = ((high << 8) | (low >>> 24)) ^ (modHigh[top] ?? 0)
      low = ((low << 8) | (bytes[at] ?? 0)) ^ (modLow[top] ?? 0)
    }
    if (at > firstCut && this.#length < this.#min && (low & mask) === 0) return this.#cutAfter(at - from)
    for (; at < end; at++) {
      const leaving = bytes[at - WINDOW] ?? 0
      high ^= outHigh[leaving] ?? 0
      low ^= outLow[leaving] ?? 0
      const top = high >>> 13
      high = ((high << 8) | (low >>> 24)) ^ (modHigh[top] ?? 0)
      low = ((low << 8) | (bytes[at] ?? 0)) ^ (modLow[top] ?? 0)
      if ((low & mask) === 0) return this.#cutAfter(at + 1 - from)
    }
    if (at - from >= this.maxSize) return this.#cutAfter(this.maxSize)
    this.#length = at - from
    this.#high = high
    this.#low = low
    return 0
  }

  #cutAfter(length: number): number {
    this.#length = this.#min - WINDOW
    this.#high = 0
    this.#low = 1
    return length
  }
}
