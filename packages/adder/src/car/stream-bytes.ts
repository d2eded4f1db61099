import { ClusterError } from '@cluster/api'
import type { readHeader } from '@ipld/car/decoder'

type BytesReader = Parameters<typeof readHeader>[0]

/** What is read ahead is gathered in pieces of memory of this size. */
const SLAB_BYTES = 256 * 1024

/** What the stream itself threw, which says nothing about the bytes. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure'
}

/**
 * Bytes of a stream on demand, as `@ipld/car` reads them. Unlike the reader of that library it takes no memory before
 * a size was checked, and copies each byte once. What it gives is never written to again.
 */
export class StreamBytes implements BytesReader {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #maxBytes: number
  #slab: Uint8Array = new Uint8Array()
  #from = 0
  #to = 0
  #skip = 0
  #rest: Uint8Array = new Uint8Array()
  pos = 0

  /** @param maxBytes - most bytes that may be asked for at once */
  constructor(source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#source = source[Symbol.asyncIterator]()
    this.#maxBytes = maxBytes
  }

  async upTo(length: number): Promise<Uint8Array> {
    await this.#fill(length)
    return this.#slab.subarray(this.#from, Math.min(this.#to, this.#from + length))
  }

  /** @throws {ClusterError} `LIMIT` for more than is allowed, `BAD_REQUEST` when the stream ends before */
  async exactly(length: number, seek = false): Promise<Uint8Array> {
    if (!(length >= 0 && length <= this.#maxBytes)) {
      throw new ClusterError('LIMIT', `a CAR file wants ${length} bytes read at once; the limit is ${this.#maxBytes}`)
    }
    await this.#fill(length)
    if (this.#to - this.#from < length) throw new ClusterError('BAD_REQUEST', 'unexpected EOF')
    const bytes = this.#slab.subarray(this.#from, this.#from + length)
    if (seek) this.seek(length)
    return bytes
  }

  seek(length: number): void {
    const here = Math.min(length, this.#to - this.#from)
    this.#from += here
    this.#skip += length - here
    this.pos += length
  }

  async #fill(length: number): Promise<void> {
    if (this.#to - this.#from >= length) return
    if (this.#slab.length - this.#from < length) {
      const unread = this.#slab.subarray(this.#from, this.#to)
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, length))
      this.#slab.set(unread)
      this.#from = 0
      this.#to = unread.length
    }
    while (this.#to - this.#from < length) {
      if (this.#rest.length === 0) {
        const step = await this.#next()
        if (step.done === true) return
        this.#rest = step.value
      }
      const skipped = Math.min(this.#skip, this.#rest.length)
      this.#skip -= skipped
      const part = this.#rest.subarray(skipped, skipped + this.#slab.length - this.#to)
      this.#slab.set(part, this.#to)
      this.#to += part.length
      this.#rest = this.#rest.subarray(skipped + part.length)
    }
  }

  /** Lets the source go. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#source.next()
    } catch (cause) {
      throw new SourceFailure('the source failed', { cause })
    }
  }
}
