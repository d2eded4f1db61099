import type { AbortOptions, MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { ByteReader } from './byte-reader.ts'
import type { Chunk } from './read-stream.ts'
import { StreamError } from './stream-error.ts'
import { writeStream } from './write-stream.ts'

/** The specification of unsigned varints allows nine bytes; eight hold every safe integer of JavaScript. */
const maxPrefixLength = 8

/** Options of {@link readMessages}. */
export interface MessageOptions {
  /** Largest message accepted, in bytes without the prefix. Required: without it the other side decides. */
  maxLength: number
}

/**
 * Takes length-prefixed messages (unsigned varint, then that many bytes) off a stream until it ends.
 *
 * @param source - usually `readStream(stream, { signal })`
 * @throws StreamError `too_long` as soon as a prefix announces more than `maxLength`, `bad_length_prefix` for a
 * prefix that is not minimal or too long, `unexpected_end` when the source ends inside a message
 * @see https://github.com/multiformats/unsigned-varint
 */
export async function* readMessages(
  source: AsyncIterable<Chunk>,
  options: MessageOptions
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const reader = new ByteReader(source, { maxBuffered: options.maxLength + maxPrefixLength })
  try {
    for (;;) {
      const length = await readPrefix(reader)
      if (length === undefined) return
      if (length > options.maxLength) {
        throw new StreamError('too_long', `message of ${length} bytes, at most ${options.maxLength} allowed`)
      }
      yield await reader.read(length)
    }
  } finally {
    await reader.close()
  }
}

/**
 * Writes one message with its length before it, and waits until the stream can take more.
 *
 * @throws StreamError as {@link writeStream}
 */
export async function writeMessage(
  stream: MessageStream,
  message: Uint8Array | Uint8ArrayList,
  options: AbortOptions = {}
): Promise<void> {
  await writeStream(stream, new Uint8ArrayList(lengthPrefix(message.byteLength), message), options)
}

/** The unsigned varint that announces a message of `length` bytes. */
export function lengthPrefix(length: number): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`length ${length}`)
  const bytes: number[] = []
  let rest = length
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** The next prefix, or undefined when the source ends before it. */
async function readPrefix(reader: ByteReader): Promise<number | undefined> {
  let length = 0
  let scale = 1
  for (let position = 0; position < maxPrefixLength; position += 1, scale *= 0x80) {
    if (reader.buffered.length === position && !(await reader.fill())) {
      if (position === 0) return undefined
      throw new StreamError('unexpected_end', 'end inside a length prefix')
    }
    const byte = reader.buffered[position] ?? 0
    length += (byte & 0x7f) * scale
    if (byte >= 0x80) continue
    if (byte === 0 && position > 0) throw new StreamError('bad_length_prefix', 'the length prefix is not minimal')
    if (!Number.isSafeInteger(length)) break
    reader.skip(position + 1)
    return length
  }
  throw new StreamError('bad_length_prefix', 'the length prefix is too long')
}
