import { ClusterError } from '@cluster/api'

/** Bytes of an answer read as it comes. */
export type Bytes = AsyncIterable<Uint8Array>

/** Most bytes of one line of a streamed answer. The longest are lists of pins of one call: a few hundred bytes. */
const MAX_LINE_BYTES = 1 << 20

/**
 * The whole of an answer.
 *
 * @throws {ClusterError} `LIMIT` beyond `maxBytes`
 */
export async function readAll(bytes: Bytes, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLong(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/**
 * An answer line by line, as many at a time as have arrived; empty lines are left out.
 *
 * @throws {ClusterError} `LIMIT` for a line beyond {@link MAX_LINE_BYTES}
 */
export async function* readLines(bytes: Bytes): AsyncGenerator<readonly string[]> {
  let rest = Buffer.alloc(0)
  for await (const chunk of bytes) {
    const seen = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    const end = seen.lastIndexOf(0x0a) + 1
    rest = seen.subarray(end)
    if (rest.length > MAX_LINE_BYTES) throw tooLong(MAX_LINE_BYTES)
    const lines = end === 0 ? [] : nonEmptyLines(seen.toString('utf8', 0, end))
    if (lines.length > 0) yield lines
  }
  const lines = nonEmptyLines(rest.toString('utf8'))
  if (lines.length > 0) yield lines
}

function nonEmptyLines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

function tooLong(maxBytes: number): ClusterError {
  return new ClusterError('LIMIT', `IPFS answered with more than ${maxBytes} bytes`)
}
