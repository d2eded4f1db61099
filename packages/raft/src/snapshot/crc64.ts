const SLICES = 8

interface Tables {
  readonly low: readonly Int32Array[]
  readonly high: readonly Int32Array[]
}

/** The ECMA polynomial, reflected, in two halves: arithmetic of 64 bits is slow here. */
const POLYNOMIAL_HIGH = 0xc96c5795
const POLYNOMIAL_LOW = 0xd7870f42

/** Eight tables: eight bytes are taken in at once. Made once, never changed. */
const tables: Tables = makeTables()

function makeTables(): Tables {
  const low = Array.from({ length: SLICES }, () => new Int32Array(256))
  const high = Array.from({ length: SLICES }, () => new Int32Array(256))
  const set = (slice: number, byte: number, h: number, l: number): void => {
    const [lows, highs] = [low[slice], high[slice]]
    if (lows === undefined || highs === undefined) return
    lows[byte] = l
    highs[byte] = h
  }
  for (let byte = 0; byte < 256; byte++) {
    let l = byte
    let h = 0
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (l & 1) !== 0
      l = (l >>> 1) | (h << 31)
      h = h >>> 1
      if (isOdd) {
        l ^= POLYNOMIAL_LOW
        h ^= POLYNOMIAL_HIGH
      }
    }
    set(0, byte, h, l)
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const l = low[slice - 1]?.[byte] ?? 0
      const h = high[slice - 1]?.[byte] ?? 0
      const index = l & 0xff
      set(slice, byte, (h >>> 8) ^ (high[0]?.[index] ?? 0), ((l >>> 8) | (h << 24)) ^ (low[0]?.[index] ?? 0))
    }
  }
  return { low, high }
}

type Eight = readonly [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]

/**
 * CRC-64/XZ, which Go calls ECMA, of bytes that come in pieces.
 *
 * @see wire-raft.md §3.10
 */
export class Crc64 {
  #low = -1
  #high = -1

  update(bytes: Uint8Array): void {
    const [l0, l1, l2, l3, l4, l5, l6, l7] = tables.low as Eight
    const [h0, h1, h2, h3, h4, h5, h6, h7] = tables.high as Eight
    let low = this.#low
    let high = this.#high
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    for (; at + 8 <= bytes.length; at += 8) {
      const a = low ^ view.getInt32(at, true)
      const b = high ^ view.getInt32(at + 4, true)
      const [i0, i1, i2, i3] = [a & 0xff, (a >>> 8) & 0xff, (a >>> 16) & 0xff, a >>> 24]
      const [i4, i5, i6, i7] = [b & 0xff, (b >>> 8) & 0xff, (b >>> 16) & 0xff, b >>> 24]
      low =
        (l7[i0] ?? 0) ^
        (l6[i1] ?? 0) ^
        (l5[i2] ?? 0) ^
        (l4[i3] ?? 0) ^
        (l3[i4] ?? 0) ^
        (l2[i5] ?? 0) ^
        (l1[i6] ?? 0) ^
        (l0[i7] ?? 0)
      high =
        (h7[i0] ?? 0) ^
        (h6[i1] ?? 0) ^
        (h5[i2] ?? 0) ^
        (h4[i3] ?? 0) ^
        (h3[i4] ?? 0) ^
        (h2[i5] ?? 0) ^
        (h1[i6] ?? 0) ^
        (h0[i7] ?? 0)
    }
    for (; at < bytes.length; at++) {
      const index = (low ^ (bytes[at] ?? 0)) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ (l0[index] ?? 0)
      high = (high >>> 8) ^ (h0[index] ?? 0)
    }
    this.#low = low
    this.#high = high
  }

  /** The sum so far: 8 bytes, the most significant first. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8)
    const view = new DataView(bytes.buffer)
    view.setInt32(0, ~this.#high)
    view.setInt32(4, ~this.#low)
    return bytes
  }
}
