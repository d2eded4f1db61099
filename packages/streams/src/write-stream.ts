import type { AbortOptions, MessageStream, Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { abortReason } from './abort-reason.ts'
import { StreamError } from './stream-error.ts'

/**
 * Writes bytes and waits until the stream can take more.
 *
 * `stream.onDrain()` waits only the first time, so a sender that trusts it queues everything it has. This one waits
 * for the `drain` event each time. With one writer at a time, no more than the last `bytes` is ever queued.
 *
 * An abort stops the wait, not the sending: what is queued may still go out, so abort the stream if it must not.
 * Do not change `bytes` before the other side has them.
 *
 * @param stream - an open libp2p stream or connection
 * @param bytes - any length; a large array is sent in frames as the other side allows
 * @throws StreamError `stream_closed` when the stream is or becomes closed for writing, with libp2p's error as `cause`
 * @see TECHNOLOGY.md §7 defect 1
 */
export async function writeStream(
  stream: MessageStream,
  bytes: Uint8Array | Uint8ArrayList,
  options: AbortOptions = {}
): Promise<void> {
  const { signal } = options
  signal?.throwIfAborted()
  try {
    stream.send(bytes)
  } catch (error) {
    throw new StreamError('stream_closed', 'the stream is closed for writing', { cause: error })
  }
  while (stream.writableNeedsDrain && stream.writeBufferLength > 0) {
    await untilDrained(stream, signal)
  }
  if (stream.status === 'reset' || stream.status === 'aborted') {
    throw new StreamError('stream_closed', `the stream was ${stream.status}`)
  }
}

/**
 * Ends the own side: the other side reads end-of-stream after the bytes written before, and may go on sending.
 *
 * @param options - give a signal: a reader that stopped reading holds this up forever
 * @throws StreamError `stream_closed` when the stream is reset before everything was sent
 */
export async function closeWrite(stream: Stream, options: AbortOptions = {}): Promise<void> {
  const { signal } = options
  try {
    await stream.close(signal === undefined ? {} : { signal })
  } catch (error) {
    if (signal?.aborted === true) throw abortReason(signal)
    throw new StreamError('stream_closed', 'the stream ended before all was sent', { cause: error })
  }
}

function untilDrained(stream: MessageStream, signal: AbortSignal | undefined): Promise<void> {
  // The close event may have passed between two waits; then no event will come.
  if (stream.status !== 'open' && stream.status !== 'closing') {
    return Promise.reject(new StreamError('stream_closed', `the stream was ${stream.status}`))
  }
  return new Promise((resolve, reject) => {
    const off = (): void => {
      stream.removeEventListener('drain', drained)
      stream.removeEventListener('idle', drained)
      stream.removeEventListener('close', closed)
      signal?.removeEventListener('abort', aborted)
    }
    const drained = (): void => {
      off()
      // The stream sends its queue in a microtask after this event: look again only after that.
      queueMicrotask(() => {
        queueMicrotask(resolve)
      })
    }
    const closed = (event: Event & { error?: Error }): void => {
      off()
      reject(new StreamError('stream_closed', 'the stream closed while writing', { cause: event.error }))
    }
    const aborted = (): void => {
      off()
      if (signal !== undefined) reject(abortReason(signal))
    }
    stream.addEventListener('drain', drained)
    stream.addEventListener('idle', drained)
    stream.addEventListener('close', closed)
    signal?.addEventListener('abort', aborted)
    if (signal?.aborted === true) aborted()
  })
}
