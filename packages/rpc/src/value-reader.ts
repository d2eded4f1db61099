import { MsgpackError, ValueScanner } from '@cluster/msgpack'
import { ByteReader, type Chunk, StreamError } from '@cluster/streams'
import { decodingError, RpcError } from './rpc-error.ts'

/** Takes whole msgpack values, still encoded, off a stream in which they stand back to back. */
export class ValueReader {
  readonly #reader: ByteReader
  readonly #scanner: ValueScanner

  /** @param maxBytes - largest value accepted */
  constructor(source: AsyncIterable<Chunk>, maxBytes: number) {
    this.#reader = new ByteReader(source, { maxBuffered: maxBytes })
    this.#scanner = new ValueScanner({ maxBytes })
  }

  /**
   * Waits for the next value.
   *
   * @returns its bytes; `end` at the end of the stream; `cut` when the stream ends inside the value
   * @throws RpcError `limit` for a value that is too long, `malformed` for bytes that are no value, `broken_off` when
   * the stream breaks off
   */
  async next(): Promise<Uint8Array | 'end' | 'cut'> {
    try {
      for (;;) {
        const length = this.#scanner.scan(this.#reader.buffered)
        if (length !== undefined) return this.#reader.take(length)
        if (!(await this.#reader.fill())) return this.#reader.buffered.length === 0 ? 'end' : 'cut'
      }
    } catch (error) {
      throw readingError(error)
    }
  }

  /** Throws away what comes until the stream ends. @throws StreamError when it breaks off */
  async drain(): Promise<void> {
    do this.#reader.skip(this.#reader.buffered.length)
    while (await this.#reader.fill())
  }
}

function readingError(error: unknown): unknown {
  if (error instanceof MsgpackError) return decodingError(error)
  if (!(error instanceof StreamError)) return error
  return new RpcError(error.code === 'too_long' ? 'limit' : 'broken_off', error.message, { cause: error })
}
