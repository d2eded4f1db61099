/**
 * Cuts bytes into chunks of one size; the last may be shorter. Every chunk is a copy, so that a source may use its
 * buffers again. No bytes, no chunk.
 *
 * @see behaviours.md §6.4.1
 */
export async function* fixedChunks(
  source: AsyncIterable<Uint8Array>,
  size: number
): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = []
  let missing = size
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length;) {
      const part = bytes.subarray(offset, offset + missing)
      offset += part.length
      missing -= part.length
      // A part that waits for more must not change when the source goes on.
      parts.push(missing === 0 ? part : part.slice())
      if (missing === 0) {
        yield concat(parts, size)
        parts = []
        missing = size
      }
    }
  }
  if (missing < size) yield concat(parts, size - missing)
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts
  const whole = new Uint8Array(length)
  if (first !== undefined && parts.length === 1) {
    whole.set(first)
    return whole
  }
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
