import type { Chunk } from './read-stream.ts'
import { StreamError } from './stream-error.ts'

/** Options of {@link ByteReader}. */
export interface ByteReaderOptions {
  /** Most bytes that may be held for one value; default 16 MiB. The last chunk read may exceed it. */
  maxBuffered?: number
}

/** Well above a block (2 MiB), the largest single value on the wires of a cluster. */
const defaultMaxBuffered = 16 * 1024 * 1024
const initialCapacity = 4096

/**
 * Takes values off a sequence of chunks, wherever the chunks were cut.
 *
 * For lengths known beforehand use `read(n)`. For formats whose length shows while reading (msgpack), look at
 * `buffered`, ask for more with `fill()`, and `take(n)` when a value is complete.
 *
 * One call at a time. Nothing is read from the source before it is needed, so back-pressure reaches through.
 */
export class ByteReader {
  readonly #source: AsyncIterator<Chunk>
  readonly #maxBuffered: number
  #bytes = new Uint8Array(initialCapacity)
  #start = 0
  #end = 0
  #ended = false
  /** The longest value of late: room for such a one is kept. */
  #usualLength = 0

  /** @param source - usually `readStream(stream)` */
  constructor(source: AsyncIterable<Chunk>, options: ByteReaderOptions = {}) {
    this.#source = source[Symbol.asyncIterator]()
    this.#maxBuffered = options.maxBuffered ?? defaultMaxBuffered
  }

  /** All bytes read and not yet taken: a view that is valid until the next call of any method. */
  get buffered(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /**
   * Waits for more bytes.
   *
   * @returns false at the end of the source
   * @throws StreamError `too_long` when `maxBuffered` bytes are held already; errors of the source
   */
  async fill(): Promise<boolean> {
    if (this.#ended) return false
    if (this.#end - this.#start >= this.#maxBuffered) {
      throw new StreamError('too_long', `a value is longer than ${this.#maxBuffered} bytes`)
    }
    for (;;) {
      const next = await this.#source.next()
      if (next.done === true) {
        this.#ended = true
        return false
      }
      if (next.value.byteLength === 0) continue
      this.#append(next.value)
      return true
    }
  }

  /**
   * Removes the first `length` of the buffered bytes and returns a copy of them.
   *
   * @throws RangeError when fewer are buffered
   */
  take(length: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(this.#start, this.#start + this.#checked(length))
    this.#start += length
    this.#usualLength = Math.max(length, Math.floor(this.#usualLength / 2))
    return bytes
  }

  /** Removes the first `length` of the buffered bytes. @throws RangeError when fewer are buffered */
  skip(length: number): void {
    this.#start += this.#checked(length)
  }

  /**
   * Waits for exactly `length` bytes and removes them.
   *
   * @throws StreamError `too_long` above `maxBuffered`, `unexpected_end` when the source ends before
   */
  async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (length > this.#maxBuffered) {
      throw new StreamError('too_long', `${length} bytes asked, at most ${this.#maxBuffered} allowed`)
    }
    while (this.#end - this.#start < length) {
      if (!(await this.fill())) {
        throw new StreamError('unexpected_end', `end after ${this.#end - this.#start} of ${length} bytes`)
      }
    }
    return this.take(length)
  }

  /** Gives up reading: tells the source, and drops what is buffered. */
  async close(): Promise<void> {
    this.#ended = true
    this.#start = this.#end = 0
    await this.#source.return?.()
  }

  #checked(length: number): number {
    if (!Number.isInteger(length) || length < 0 || length > this.#end - this.#start) {
      throw new RangeError(`${length} bytes of ${this.#end - this.#start}`)
    }
    return length
  }

  #append(chunk: Chunk): void {
    const held = this.#end - this.#start
    const needed = held + chunk.byteLength
    if (this.#end + chunk.byteLength > this.#bytes.length) {
      // Doubling keeps the cost of a long value linear; a burst does not stay allocated once it was taken.
      const kept = Math.max(needed, this.#usualLength) * 8
      const fits = needed <= this.#bytes.length && kept > this.#bytes.length
      const target = fits ? this.#bytes : new Uint8Array(Math.max(initialCapacity, needed * 2))
      target.set(this.buffered)
      this.#bytes = target
      this.#start = 0
      this.#end = held
    }
    const parts = chunk instanceof Uint8Array ? [chunk] : chunk
    for (const part of parts) {
      this.#bytes.set(part, this.#end)
      this.#end += part.byteLength
    }
  }
}
