import { ByteReader } from '@cluster/streams'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Request } from '../messages.ts'
import { encodeReply, encodeRequest } from '../wire/messages.ts'
import { readData, readReply, readRequest } from './request-reader.ts'

interface Recorded {
  readonly name: string
  readonly protocol: string
  readonly chunks: readonly { readonly d: '>' | '<'; readonly x: string }[]
}

const url = new URL('../../../testing/vectors/raft/streams.json', import.meta.url)
const { streams } = JSON.parse(readFileSync(url, 'utf8')) as { readonly streams: readonly Recorded[] }
/** The lines that agree on the protocol come first in streams that were recorded between Go peers. */
const NEGOTIATION = Buffer.from('\x13/multistream/1.0.0\n\x10/raft/1.0.0/rpc\n')

function side(stream: Recorded, direction: '>' | '<'): Buffer {
  const chunks = stream.chunks.filter(({ d }) => d === direction).map(({ x }) => Buffer.from(x, 'hex'))
  const bytes = Buffer.concat(chunks)
  return bytes.subarray(0, NEGOTIATION.length).equals(NEGOTIATION) ? bytes.subarray(NEGOTIATION.length) : bytes
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** All requests of a stream, written again. */
async function rewriteRequests(bytes: Uint8Array, size: number): Promise<{ types: Request['type'][]; again: Buffer }> {
  const reader = new ByteReader(pieces(bytes, size))
  const types: Request['type'][] = []
  const parts: Uint8Array[] = []
  for (;;) {
    const request = await readRequest(reader)
    if (request === undefined) return { types, again: Buffer.concat(parts) }
    types.push(request.type)
    parts.push(encodeRequest(request))
    if (request.type === 'snapshot') parts.push(...(await Array.fromAsync(readData(reader, request.size))))
  }
}

async function rewriteReplies(bytes: Uint8Array, size: number, types: readonly Request['type'][]): Promise<Buffer> {
  const reader = new ByteReader(pieces(bytes, size))
  const parts: Uint8Array[] = []
  for (const type of types)
    if (reader.buffered.length > 0 || (await reader.fill())) parts.push(encodeReply(await readReply(reader, type)))
  return Buffer.concat(parts)
}

const raft = streams.filter(({ protocol }) => protocol === '/raft/1.0.0/rpc')

describe.for(raft.filter((stream) => side(stream, '<').length > 0 && !stream.name.includes('refused')))(
  '$name',
  (stream) => {
    test.for([Infinity, 1000, 7, 1])('in pieces of %d bytes', async (size) => {
      const asked = side(stream, '>')
      const { types, again } = await rewriteRequests(asked, Math.min(size, asked.length))
      expect(types.length).toBeGreaterThan(0)
      expect(again.equals(asked)).toBe(true)
      const answered = side(stream, '<')
      expect((await rewriteReplies(answered, Math.min(size, answered.length), types)).toString('hex')).toBe(
        answered.toString('hex')
      )
    })
  }
)
