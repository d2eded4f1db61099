import { ClusterError } from '@cluster/api'
import type { IncomingMessage } from 'node:http'

/** Longest body of a request. */
const MAX_BODY_BYTES = 1024 * 1024

/** The whole body of a request as text. @throws {ClusterError} `LIMIT` */
export async function readBody(incoming: IncomingMessage): Promise<string> {
  let length = 0
  const parts: Uint8Array[] = []
  // Breaking off must not destroy the connection, which still has to carry the answer.
  for await (const part of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_BODY_BYTES) throw new ClusterError('LIMIT', `the body is longer than ${MAX_BODY_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
