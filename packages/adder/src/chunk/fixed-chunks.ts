import { ENVELOPE, type Chunk } from './chunk.ts'

/** Chunks lie side by side in pieces of memory of about this size. */
const SLAB_BYTES = 1024 * 1024

/**
 * Cuts bytes into chunks of one size; the last may be shorter. No bytes, no chunk. Around each chunk there is room for
 * the envelope of a leaf, so that it is copied once only. Chunks are never written to again.
 *
 * @see behaviours.md §6.4.1
 */
export async function* fixedChunks(
  source: AsyncIterable<Uint8Array>,
  size: number
): AsyncGenerator<Chunk, void, undefined> {
  const placeBytes = ENVELOPE.before + size + ENVELOPE.after
  const slabBytes = Math.max(1, Math.floor(SLAB_BYTES / placeBytes)) * placeBytes
  let slab = new Uint8Array()
  /** Where the current chunk begins, how long it is, and how long it may become here. */
  let from = 0
  let filled = 0
  let room = 0
  let isLong = false
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length;) {
      const more = Math.min(size - filled, bytes.length - offset)
      if (filled + more > room) {
        const begun = slab.subarray(from, from + filled)
        // Small files shall not cost the memory of many chunks: at first there is as much as was read.
        room = isLong ? size : Math.min(size, Math.max(filled + more, filled * 4))
        slab = new Uint8Array(isLong ? slabBytes : ENVELOPE.before + room + ENVELOPE.after)
        from = ENVELOPE.before
        slab.set(begun, from)
      }
      slab.set(bytes.subarray(offset, offset + more), from + filled)
      offset += more
      filled += more
      if (filled === size) {
        yield { data: slab.subarray(from, from + size), hasRoom: true }
        isLong = true
        from += placeBytes
        filled = 0
        room = from < slab.length ? size : 0
      }
    }
  }
  if (filled > 0) yield { data: slab.subarray(from, from + filled), hasRoom: true }
}
