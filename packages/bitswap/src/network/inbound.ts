import type { Stream } from '@libp2p/interface'
import { type Chunk, closeWrite, readMessages, readStream } from '@cluster/streams'
import { MAX_FRAME_BYTES } from '../wire/constants.ts'
import { decodeMessage } from '../wire/decode.ts'
import type { DecodedMessage } from '../wire/message.ts'

/** A paused stream may still be sent a whole window (at most 16 MiB) besides the frame that is being read. */
const READ_BUFFER_BYTES = 20 * 1024 * 1024

/** What happens to what an inbound stream brings. */
export interface InboundHandlers {
  /** Bytes came, of whatever kind. */
  active(): void
  /** The next message of the stream is read when this is done. */
  message(message: DecodedMessage): Promise<void>
}

/**
 * Reads any number of messages from a stream that a peer opened. It is never reset for being idle: boxo 0.33 to 0.40
 * would stop asking us for anything. Nothing is ever written to it.
 *
 * @throws MalformedMessageError, StreamError, after having reset the stream
 * @see bitswap.md §1.8, §4.6.2
 */
export async function readInbound(stream: Stream, handlers: InboundHandlers, signal: AbortSignal): Promise<void> {
  stream.maxReadBufferLength = READ_BUFFER_BYTES
  // Listens from here on, before anything is awaited.
  const source = readStream(stream, { signal })
  closeWrite(stream, { signal }).catch(() => undefined)
  try {
    for await (const body of readMessages(observe(source, handlers), { maxLength: MAX_FRAME_BYTES })) {
      if (body.length > 0) await handlers.message(decodeMessage(body))
    }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

async function* observe(source: AsyncIterable<Chunk>, handlers: InboundHandlers): AsyncGenerator<Chunk> {
  for await (const chunk of source) {
    handlers.active()
    yield chunk
  }
}
