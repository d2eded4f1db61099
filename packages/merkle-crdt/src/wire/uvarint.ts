/** Bytes of the longest unsigned LEB128 number of 64 bits. */
const MAX_BYTES = 10

/** Unsigned LEB128, as priorities and heights are stored. */
export function encodeUvarint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

/** Reads a number from the start of `bytes`; `undefined` if there is none. */
export function decodeUvarint(bytes: Uint8Array, offset = 0): { value: bigint; end: number } | undefined {
  let value = 0n
  for (let at = 0; at < MAX_BYTES; at += 1) {
    const byte = bytes[offset + at]
    if (byte === undefined) return undefined
    value |= BigInt(byte & 0x7f) << BigInt(7 * at)
    if (byte < 0x80) return value >> 64n === 0n ? { value, end: offset + at + 1 } : undefined
  }
  return undefined
}

/** Unsigned lexicographic order; a shorter prefix is smaller. The only tie-break of the store. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** The parts one after the other, as plain bytes. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
