import type { Chunk } from './chunk.ts'
import type { Cutter } from './cutter.ts'

/** What is read is gathered in pieces of memory of about this size, in which many chunks lie. */
const SLAB_BYTES = 1024 * 1024

/**
 * Cuts bytes where a cutter says; what no cut ends is the last chunk. No bytes, no chunk. Chunks are copies of the source's
 * bytes, so that it may use its buffers again, and are never written to again.
 *
 * @see behaviours.md §6.4.1
 */
export async function* cutChunks(
  source: AsyncIterable<Uint8Array>,
  cutter: Cutter
): AsyncGenerator<Chunk, void, undefined> {
  const slabBytes = Math.max(cutter.maxSize, SLAB_BYTES)
  let slab = new Uint8Array()
  let from = 0
  let to = 0
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length;) {
      if (to === slab.length) {
        const rest = slab.subarray(from, to)
        slab = new Uint8Array(nextSlabBytes(rest.length, bytes.length - offset, slab.length, slabBytes))
        slab.set(rest)
        from = 0
        to = rest.length
      }
      const part = bytes.subarray(offset, offset + slab.length - to)
      slab.set(part, to)
      offset += part.length
      to += part.length
      for (let length = cutter.cut(slab, from, to); length > 0; length = cutter.cut(slab, from, to)) {
        yield { data: slab.subarray(from, from + length), hasRoom: false }
        from += length
      }
    }
  }
  if (from < to) yield { data: slab.subarray(from, to), hasRoom: false }
}

/** Small files shall not cost the memory of a whole slab: it grows with what was read. */
function nextSlabBytes(rest: number, more: number, last: number, full: number): number {
  return Math.max(rest + 1, Math.min(full, Math.max(rest + more, last * 4)))
}
