/** An entry of a segment: a key of ASCII characters and what is known under it. */
export interface SegmentEntry {
  readonly key: string
  readonly value: Buffer
}

const KEY_LENGTH_BYTES = 2
const VALUE_LENGTH_BYTES = 4

/** Entries in ascending order as one value of the store. */
export function encodeSegment(entries: readonly SegmentEntry[]): Buffer {
  let size = 0
  for (const { key, value } of entries) size += KEY_LENGTH_BYTES + key.length + VALUE_LENGTH_BYTES + value.length
  const bytes = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const { key, value } of entries) {
    at = bytes.writeUInt16BE(key.length, at)
    at += bytes.write(key, at, 'latin1')
    at = bytes.writeUInt32BE(value.length, at)
    at += value.copy(bytes, at)
  }
  return bytes
}

/** The entries of a segment; their values are parts of its bytes. */
export function decodeSegment(bytes: Uint8Array): SegmentEntry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: SegmentEntry[] = []
  for (let at = 0; at < buffer.length;) {
    const keyEnd = at + KEY_LENGTH_BYTES + buffer.readUInt16BE(at)
    const key = buffer.toString('latin1', at + KEY_LENGTH_BYTES, keyEnd)
    const start = keyEnd + VALUE_LENGTH_BYTES
    at = start + buffer.readUInt32BE(keyEnd)
    entries.push({ key, value: buffer.subarray(start, at) })
  }
  return entries
}
