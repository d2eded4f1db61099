import { MsgpackError, ValueScanner } from '@cluster/msgpack'
import type { ByteReader } from '@cluster/streams'
import { RaftError } from '../errors.ts'
import type { Reply, Request } from '../messages.ts'
import { decodeError, decodeRequest, decodeResponse, requestType } from '../wire/messages.ts'

/**
 * Bytes of the largest request by type. Go sends at most 64 entries at once, but any number is allowed; nothing else
 * than entries and configurations is large.
 */
export const MAX_REQUEST_BYTES: Readonly<Record<Request['type'], number>> = {
  append: 64 * 1024 * 1024,
  vote: 64 * 1024,
  'pre-vote': 64 * 1024,
  'timeout-now': 64 * 1024,
  snapshot: 1024 * 1024
}

/** Bytes of an error text, and of the body of an answer. */
const MAX_REPLY_BYTES = 64 * 1024

/**
 * Reads one value of a stream without lengths; undefined at the end of the stream before its first byte.
 *
 * @throws MsgpackError `MSGPACK_LIMIT` as soon as the value announces more than `maxBytes`
 */
async function readValue(reader: ByteReader, maxBytes: number): Promise<Uint8Array | undefined> {
  const scanner = new ValueScanner({ maxBytes })
  for (;;) {
    const { buffered } = reader
    if (buffered.length > 0) {
      const length = scanner.scan(buffered)
      if (length !== undefined) return reader.take(length)
    }
    if (await fillTo(reader, scanner.atLeast)) continue
    if (buffered.length === 0) return undefined
    throw new RaftError('RAFT_BAD_MESSAGE', 'the stream ended within a message')
  }
}

/** Waits until so many bytes are there, so that a long value is not looked at for each of its pieces. */
async function fillTo(reader: ByteReader, length: number): Promise<boolean> {
  do {
    if (!(await reader.fill())) return false
  } while (reader.buffered.length < length)
  return true
}

/**
 * Reads the next request; undefined when the other side has ended the stream between two.
 *
 * @throws RaftError `RAFT_BAD_MESSAGE`; errors of the stream
 * @see wire-raft.md §3.1
 */
export async function readRequest(reader: ByteReader): Promise<Request | undefined> {
  if (reader.buffered.length === 0 && !(await reader.fill())) return undefined
  const byte = reader.buffered[0] ?? 0
  reader.skip(1)
  const type = requestType(byte)
  if (type === undefined) throw new RaftError('RAFT_BAD_MESSAGE', `unknown rpc type ${byte}`)
  try {
    const body = await readValue(reader, MAX_REQUEST_BYTES[type])
    if (body === undefined) throw new RaftError('RAFT_BAD_MESSAGE', 'the stream ended within a message')
    if (!isMapOrArray(body[0] ?? 0)) throw new RaftError('RAFT_BAD_MESSAGE', 'a request is a map')
    return decodeRequest(type, body)
  } catch (error) {
    throw badMessage(error)
  }
}

/**
 * Reads the answer to a request of that type.
 *
 * @throws RaftError `RAFT_BAD_MESSAGE`, `RAFT_UNREACHABLE` at the end of the stream
 */
export async function readReply(reader: ByteReader, type: Request['type']): Promise<Reply> {
  try {
    const error = await readValue(reader, MAX_REPLY_BYTES)
    const body = error && (await readValue(reader, MAX_REPLY_BYTES))
    if (error === undefined || body === undefined) {
      throw new RaftError('RAFT_UNREACHABLE', 'the stream was closed without an answer')
    }
    return { error: decodeError(error), body: decodeResponse(type, body) }
  } catch (error) {
    throw badMessage(error)
  }
}

/** Exactly `size` raw bytes, as they come; fewer if the stream ends. */
export async function* readData(reader: ByteReader, size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0;) {
    if (reader.buffered.length === 0 && !(await reader.fill())) return
    const length = Math.min(left, reader.buffered.length)
    left -= length
    yield reader.take(length)
  }
}

/** A struct may be given as an array, too, and as nil. */
function isMapOrArray(byte: number): boolean {
  return (byte >= 0x80 && byte < 0xa0) || (byte >= 0xdc && byte <= 0xdf) || byte === 0xc0
}

function badMessage(error: unknown): unknown {
  if (!(error instanceof MsgpackError)) return error
  return new RaftError('RAFT_BAD_MESSAGE', error.message, { cause: error })
}
