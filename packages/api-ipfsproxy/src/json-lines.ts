import { ClusterError } from '@cluster/api'
import { parseJson } from '@cluster/wire'

/** Longest line of an answer: Kubo's are some hundred bytes. */
const MAX_LINE_BYTES = 1 << 20
const NEWLINE = 10

/**
 * The JSON objects in the lines of an answer of the daemon, as they come.
 *
 * @throws {ClusterError} `IPFS` for a line that is none, or longer than 1 MiB
 */
export async function* jsonLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<object, void, undefined> {
  let rest = Buffer.alloc(0)
  for await (const chunk of bytes) {
    let data = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
      yield* objectOf(data.subarray(0, end))
      data = data.subarray(end + 1)
    }
    if (data.length > MAX_LINE_BYTES) throw new ClusterError('IPFS', 'IPFS answered with a line that is too long')
    rest = Buffer.from(data)
  }
  yield* objectOf(rest)
}

function* objectOf(line: Buffer): Generator<object, void, undefined> {
  const text = line.toString('utf8').trim()
  if (text === '') return
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    throw new ClusterError('IPFS', `IPFS answered with what is no JSON: ${text.slice(0, 200)}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null) {
    throw new ClusterError('IPFS', `IPFS answered with what is no object: ${text.slice(0, 200)}`)
  }
  yield value
}
