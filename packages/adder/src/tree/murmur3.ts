const MASK = (1n << 64n) - 1n
const C1 = 0x87c37b91114253d5n
const C2 = 0x4cf5ad432745937fn

/**
 * The first 64 bits of MurmurHash3 x64-128 with seed 0, by which HAMT directories place their entries.
 *
 * @see behaviours.md §6.4.3
 */
export function murmur3(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const tail = data.length - (data.length % 16)
  let h1 = 0n
  let h2 = 0n
  for (let at = 0; at < tail; at += 16) {
    h1 ^= mixFirst(view.getBigUint64(at, true))
    h1 = wrap(wrap(rotate(h1, 27n) + h2) * 5n + 0x52dce729n)
    h2 ^= mixSecond(view.getBigUint64(at + 8, true))
    h2 = wrap(wrap(rotate(h2, 31n) + h1) * 5n + 0x38495ab5n)
  }
  h2 ^= mixSecond(littleEndian(data.subarray(tail + 8)))
  h1 ^= mixFirst(littleEndian(data.subarray(tail, tail + 8)))
  const length = BigInt(data.length)
  h1 = wrap((h1 ^ length) + (h2 ^ length))
  h2 = wrap((h2 ^ length) + h1)
  return wrap(avalanche(h1) + avalanche(h2))
}

const wrap = (value: bigint): bigint => value & MASK
const rotate = (value: bigint, bits: bigint): bigint => wrap(value << bits) | (value >> (64n - bits))
const mixFirst = (word: bigint): bigint => wrap(rotate(wrap(word * C1), 31n) * C2)
const mixSecond = (word: bigint): bigint => wrap(rotate(wrap(word * C2), 33n) * C1)

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n)
}

function avalanche(value: bigint): bigint {
  let word = wrap((value ^ (value >> 33n)) * 0xff51afd7ed558ccdn)
  word = wrap((word ^ (word >> 33n)) * 0xc4ceb9fe1a85ec53n)
  return word ^ (word >> 33n)
}
