import { concatBytes, decodeUvarint, encodeUvarint } from '../wire/uvarint.ts'

/** The best that one block says about a key. */
export interface Candidate {
  readonly priority: bigint
  readonly value: Uint8Array
}

const FORMAT = 1

/**
 * What is stored with an element: the priority of its block and the greatest value of the key in it, so that a removal
 * finds the next best value without reading blocks. The Go peer writes nothing there and never reads it.
 *
 * @see spec/wire-crdt.md §7.3 P4
 */
export function encodeElementEntry(candidate: Candidate): Uint8Array {
  const priority = encodeUvarint(candidate.priority)
  const length = encodeUvarint(BigInt(candidate.value.length))
  return concatBytes(Uint8Array.of(FORMAT), priority, length, candidate.value)
}

/** Reads an entry; `undefined` for an empty one (written by a Go peer) or a format that is not known. */
export function decodeElementEntry(entry: Uint8Array): Candidate | undefined {
  if (entry[0] !== FORMAT) return undefined
  const priority = decodeUvarint(entry, 1)
  if (priority === undefined) return undefined
  const length = decodeUvarint(entry, priority.end)
  if (length === undefined || entry.length - length.end !== Number(length.value)) return undefined
  return { priority: priority.value, value: entry.subarray(length.end) }
}
