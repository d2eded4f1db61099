import type { CID } from 'multiformats/cid'

const BASE32 = Uint8Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', (letter) => letter.charCodeAt(0))

/**
 * The place of a CID in pinset order: the base32 text of its bytes, as the pinset's keys in the store have it. Keys
 * compare as plain strings; digits come before letters, so the order is not that of the CID's bytes.
 *
 * @see wire-crdt.md §4.1
 */
export function pinsetKey(cid: CID): string {
  // Letters are written into bytes: text joined letter by letter keeps its pieces, fifteen times the memory, and keys
  // are kept by the million.
  const { bytes } = cid
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / 5))
  let bits = 0
  let pending = 0
  let at = 0
  for (const byte of bytes) {
    pending = (pending << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text[at++] = BASE32[(pending >> bits) & 31] ?? 0
    }
    pending &= (1 << bits) - 1
  }
  if (bits > 0) text[at] = BASE32[(pending << (5 - bits)) & 31] ?? 0
  return text.toString('latin1')
}

/** Compares two CIDs by pinset order, for `sort`. */
export function comparePinsetOrder(a: CID, b: CID): number {
  const [keyA, keyB] = [pinsetKey(a), pinsetKey(b)]
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0
}
