import { closeWrite, readStream, writeStream, type Chunk } from '@cluster/streams'
import type { Stream } from '@libp2p/interface'
import { Duplex } from 'node:stream'

/** How long the other side may take for the last bytes after an error. */
const LINGER_MS = 5000

/**
 * A libp2p stream as `node:http` wants its sockets: with back-pressure both ways, a timeout for idle time, and the name
 * of the other side.
 *
 * @see http-apis.md §1.5
 */
export class StreamSocket extends Duplex {
  /** Who is at the other end, as the access log names it: a peer ID. */
  readonly remoteAddress: string
  readonly #stream: Stream
  readonly #source: AsyncIterableIterator<Chunk, undefined, undefined>
  #timer: NodeJS.Timeout | undefined

  constructor(stream: Stream, remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
    this.#stream = stream
    this.#source = readStream(stream)
    // A stream that breaks off tells it with an error; whoever holds the socket sees its end.
    this.on('error', () => undefined)
  }

  /** As of `net.Socket`: `timeout` is emitted when nothing was read or written for so long; 0 is never. */
  setTimeout(ms: number, callback?: () => void): this {
    clearTimeout(this.#timer)
    this.#timer =
      ms > 0 && !this.destroyed
        ? setTimeout(() => {
            this.emit('timeout')
          }, ms).unref()
        : undefined
    if (callback !== undefined) this.once('timeout', callback)
    return this
  }

  /** As of `net.Socket`: sends what was written, then ends both sides. */
  destroySoon(): void {
    const end = (): void => {
      this.destroy()
    }
    if (this.writable) this.end()
    if (this.writableFinished) end()
    else this.once('finish', end)
  }

  override _read(): void {
    this.#source.next().then(
      ({ value }) => {
        this.#timer?.refresh()
        if (value === undefined) this.push(null)
        else if (value.byteLength === 0) this._read()
        else this.push(value.subarray())
      },
      (error: unknown) => this.destroy(asError(error))
    )
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    writeStream(this.#stream, chunk).then(
      () => {
        this.#timer?.refresh()
        done()
      },
      (error: unknown) => {
        done(asError(error))
      }
    )
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done)
  }

  override _final(done: (error?: Error | null) => void): void {
    closeWrite(this.#stream).then(
      () => {
        done()
      },
      (error: unknown) => {
        done(asError(error))
      }
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    void this.#source.return?.()
    if (error !== null) void this.#end()
    else if (this.writableFinished) void this.#stream.closeRead().catch(() => undefined)
    else this.#stream.abort(new Error('the connection was cut'))
    done(error)
  }

  /** After a request that cannot be read: Node has written why, and that should arrive. */
  async #end(): Promise<void> {
    try {
      await closeWrite(this.#stream, { signal: AbortSignal.timeout(LINGER_MS) })
      await this.#stream.closeRead()
    } catch (error) {
      this.#stream.abort(asError(error))
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
