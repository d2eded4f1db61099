import { base32upper } from 'multiformats/bases/base32'
import type { CID } from 'multiformats/cid'

/**
 * The place of a CID in pinset order: the base32 text of its bytes, as the pinset's keys in the store have it. Keys
 * compare as plain strings; digits come before letters, so the order is not that of the CID's bytes.
 *
 * @see wire-crdt.md §4.1
 */
export function pinsetKey(cid: CID): string {
  return base32upper.baseEncode(cid.bytes)
}

/** Compares two CIDs by pinset order, for `sort`. */
export function comparePinsetOrder(a: CID, b: CID): number {
  const [keyA, keyB] = [pinsetKey(a), pinsetKey(b)]
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0
}
