/** A pulled byte source with a look ahead: what has been read and not yet taken. */
export class ByteWindow {
  readonly #source: AsyncIterator<Uint8Array>
  #bytes: Buffer
  #ended = false

  /** `head` stands before the source. */
  constructor(source: AsyncIterable<Uint8Array>, head: Uint8Array) {
    this.#source = source[Symbol.asyncIterator]()
    this.#bytes = Buffer.from(head)
  }

  get length(): number {
    return this.#bytes.byteLength
  }

  /** Reads one more chunk; false at the end of the source. */
  async more(): Promise<boolean> {
    if (this.#ended) return false
    const next = await this.#source.next()
    if (next.done === true) {
      this.#ended = true
      return false
    }
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
    this.#bytes = this.#bytes.byteLength === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    return true
  }

  indexOf(needle: Buffer): number {
    return this.#bytes.indexOf(needle)
  }

  /** How many bytes at the end may be the beginning of a delimiter, whose first byte is in it only once. */
  heldBack(delimiter: Buffer): number {
    const [first = 0] = delimiter
    const at = this.#bytes.lastIndexOf(first)
    const held = at < 0 ? 0 : this.#bytes.byteLength - at
    return held < delimiter.byteLength && this.#bytes.subarray(at).equals(delimiter.subarray(0, held)) ? held : 0
  }

  startsWith(text: Buffer): boolean {
    return this.#bytes.subarray(0, text.byteLength).equals(text)
  }

  /** The first `length` bytes, which then are gone from the window. */
  take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return taken
  }

  /** Gives up the rest of the source. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#source.return?.()
  }
}
