import { ClusterError } from '@cluster/api'
import type { RestCall } from './call.ts'

/** Longest body of a request that is no upload. */
const MAX_BODY_BYTES = 1024 * 1024

/** The whole body of a request as text. @throws {ClusterError} `LIMIT` */
export async function readBody({ env }: RestCall): Promise<string> {
  let length = 0
  const parts: Uint8Array[] = []
  // Breaking off must not destroy the connection, which still has to carry the answer.
  for await (const part of env.incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_BODY_BYTES) throw new ClusterError('LIMIT', `the body is longer than ${MAX_BODY_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** The first JSON value of a body; what follows is not looked at. @throws {ClusterError} `BAD_REQUEST` */
export function parseBody(body: string): unknown {
  try {
    return JSON.parse(body.slice(0, endOfValue(body)))
  } catch (error) {
    throw new ClusterError('BAD_REQUEST', 'error decoding request body', { cause: error })
  }
}

/** Where the first value ends: an object or a list at its last bracket, anything else with the text. */
function endOfValue(text: string): number {
  let depth = 0
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    const [token] = match
    if (token.startsWith('"')) continue
    depth += token === '{' || token === '[' ? 1 : -1
    if (depth <= 0) return match.index + 1
  }
  return text.length
}
