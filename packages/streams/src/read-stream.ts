import type { AbortOptions, Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { abortReason } from './abort-reason.ts'
import { StreamError } from './stream-error.ts'

/** Bytes as libp2p delivers them. */
export type Chunk = Uint8Array | Uint8ArrayList

/** Options of {@link readStream}. */
export interface ReadOptions extends AbortOptions {
  /** Bytes that may wait for the reader before the sender is held back; default 256 KiB. */
  highWaterMark?: number
}

/** Enough to keep a fast reader busy during one round trip on a local network; one yamux window. */
const defaultHighWaterMark = 256 * 1024

/**
 * Reads a stream with back-pressure: a slow reader holds the sender back instead of filling the memory.
 *
 * libp2p's own async iterator of a stream queues without limit. This one pauses the stream above the mark and resumes
 * it at half of it. A paused yamux stream still takes what the other side may send without asking (its window), so the
 * memory is bound by the mark plus two windows; `maxReadBufferLength` of the stream must be larger than the window.
 *
 * Listening begins with the call, not with the first `next()`. The iteration ends when the other side closes its side
 * for writing, also if that was before the call. Breaking off drops what is queued and leaves the stream paused: close
 * or abort it then.
 *
 * @throws StreamError `stream_closed` after the queued bytes when the stream was reset or aborted; the reason of the
 * signal at once when that is aborted
 * @see TECHNOLOGY.md §7 defects 2 to 4
 */
export function readStream(
  stream: Stream,
  options: ReadOptions = {}
): AsyncIterableIterator<Chunk, undefined, undefined> {
  return new StreamReader(stream, options)
}

class StreamReader implements AsyncIterableIterator<Chunk, undefined, undefined> {
  readonly #stream: Stream
  readonly #mark: number
  readonly #signal: AbortSignal | undefined
  readonly #queue: Chunk[] = []
  #queuedBytes = 0
  #resuming = false
  #finished = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(stream: Stream, options: ReadOptions) {
    this.#stream = stream
    this.#mark = options.highWaterMark ?? defaultHighWaterMark
    this.#signal = options.signal
    if (this.#signal?.aborted === true) {
      this.#finish(abortReason(this.#signal))
      return
    }
    if (stream.status === 'reset' || stream.status === 'aborted') {
      this.#finish(new StreamError('stream_closed', `the stream was ${stream.status}`))
      return
    }
    this.#signal?.addEventListener('abort', this.#onAbort)
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('remoteCloseWrite', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
    // The other side may have sent all and closed before anybody listened: no event will tell then.
    this.#onEnd()
  }

  async next(): Promise<IteratorResult<Chunk, undefined>> {
    for (;;) {
      const chunk = this.#queue.shift()
      if (chunk !== undefined) {
        this.#queuedBytes -= chunk.byteLength
        this.#regulate()
        return { done: false, value: chunk }
      }
      if (this.#failure !== undefined) {
        const failure = this.#failure
        this.#failure = undefined
        throw failure
      }
      if (this.#finished) return { done: true, value: undefined }
      if (this.#wake !== undefined) throw new StreamError('concurrent_read', 'another read is waiting')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  return(): Promise<IteratorResult<Chunk, undefined>> {
    this.#drop()
    this.#failure = undefined
    this.#finish()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #onMessage = (event: Event & { data: Chunk }): void => {
    this.#queue.push(event.data)
    this.#queuedBytes += event.data.byteLength
    this.#regulate()
    this.#wakeUp()
  }

  // A data frame may carry the end of the stream, and libp2p reports the end before its data: look after both.
  readonly #onEnd = (): void => {
    queueMicrotask(() => {
      this.#regulate()
    })
  }

  readonly #onClose = (event: Event & { error?: Error }): void => {
    if (event.error === undefined) {
      this.#onEnd()
    } else {
      this.#finish(new StreamError('stream_closed', event.error.message, { cause: event.error }))
    }
  }

  readonly #onAbort = (): void => {
    this.#drop()
    this.#finish(this.#signal === undefined ? undefined : abortReason(this.#signal))
  }

  /** Pauses above the mark, resumes at half of it, and notices the end. */
  #regulate(): void {
    if (this.#finished || this.#resuming) return
    if (this.#queuedBytes > this.#mark) {
      this.#pause()
    } else if (this.#stream.readStatus === 'paused' && this.#queuedBytes * 2 <= this.#mark) {
      // resume() delivers what has gathered, through #onMessage. A pause() in there would be lost, since resume()
      // tells the other side to go on after it: so the pause comes when it has returned.
      this.#resuming = true
      try {
        this.#stream.resume()
      } finally {
        this.#resuming = false
      }
      if (this.#queuedBytes > this.#mark) this.#pause()
    }
    const { remoteWriteStatus, readStatus, readBufferLength } = this.#stream
    if (readStatus === 'closed' || (remoteWriteStatus === 'closed' && readBufferLength === 0)) this.#finish()
  }

  #pause(): void {
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  #drop(): void {
    this.#queue.length = 0
    this.#queuedBytes = 0
  }

  #finish(failure?: Error): void {
    if (this.#finished) return
    this.#finished = true
    this.#failure = failure
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('remoteCloseWrite', this.#onEnd)
    this.#stream.removeEventListener('close', this.#onClose)
    // Nobody reads any more: what comes would gather in the stream until it resets itself.
    if (this.#stream.remoteWriteStatus !== 'closed') this.#pause()
    this.#wakeUp()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
