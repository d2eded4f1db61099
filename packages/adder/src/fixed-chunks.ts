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
  let chunk = new Uint8Array()
  let filled = 0
  let isLong = false
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length;) {
      const part = bytes.subarray(offset, offset + size - filled)
      offset += part.length
      // Small files shall not cost the memory of a whole chunk; after the first chunk more is to be expected.
      if (filled + part.length > chunk.length) {
        const wanted = isLong ? size : Math.min(size, Math.max(filled + part.length, chunk.length * 4))
        const larger = new Uint8Array(wanted)
        larger.set(chunk.subarray(0, filled))
        chunk = larger
      }
      chunk.set(part, filled)
      filled += part.length
      if (filled === size) {
        yield chunk
        chunk = new Uint8Array()
        filled = 0
        isLong = true
      }
    }
  }
  if (filled > 0) yield filled === chunk.length ? chunk : chunk.slice(0, filled)
}
