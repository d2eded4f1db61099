import { any, array, decodeAt, encode, int, MsgpackError, string, valueLength } from '@cluster/msgpack'
import { ByteReader, closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Connection, StreamHandler } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { streamPair } from '@libp2p/utils'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headerCodec, serviceIdCodec, serviceIdOf } from './frame.ts'
import { RpcServer } from './server.ts'
import { ValueReader } from './value-reader.ts'

const caller = peerIdFromString('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')
const methods = {
  'Test.Join': { mode: 'unary', policy: 'open', argument: array(string), reply: string },
  'Test.Double': { mode: 'streaming', policy: 'open', argument: int, reply: int }
} as const

/** Sends bytes, cut into pieces, and the end; gives all that the server answers until its end. */
async function ask(pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  const accepting = Promise.withResolvers<StreamHandler>()
  const server = new RpcServer({
    libp2p: {
      handle: (_protocol, handler) => {
        accepting.resolve(handler)
        return Promise.resolve()
      },
      unhandle: () => Promise.resolve()
    },
    protocol: '/test/1',
    methods,
    handlers: {
      'Test.Join': (words) => Promise.resolve((words ?? []).join('')),
      'Test.Double': async function* (values) {
        for await (const value of values) yield 2 * value
      }
    },
    authorize: () => true
  })
  await server.start()
  const [client, served] = await streamPair({ delay: 0 })
  await (
    await accepting.promise
  )(served, { remotePeer: caller } as unknown as Connection)
  for (const piece of pieces) await writeStream(client, piece)
  await closeWrite(client)
  const reader = new ByteReader(readStream(client))
  while (await reader.fill());
  const answer = reader.buffered
  await server.stop()
  return answer
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const size of sizes) {
    if (at + size >= bytes.length) break
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...pieces, bytes.subarray(at)]
}

function request(method: keyof typeof methods, args: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([encode(serviceIdCodec, serviceIdOf(method)), ...args])
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 12 })

describe('a server', () => {
  it('gives the same answer wherever the request is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 8 }),
        sizes,
        async (values, cuts) => {
          const bytes = request(
            'Test.Double',
            values.map((value) => encode(int, value))
          )
          const answer = await ask(cut(bytes, cuts))
          const doubled: number[] = []
          for (let at = 0; at < answer.length;) {
            const header = decodeAt(headerCodec, answer, at)
            expect(header.value.error).toBe('')
            const data = decodeAt(int, answer, header.end)
            doubled.push(data.value)
            at = data.end
          }
          expect(doubled).toEqual(values.map((value) => 2 * value))
        }
      ),
      { numRuns: 60 }
    )
  })

  it('answers any bytes with one answer or one error, and ends', async () => {
    const head = fc.constantFrom(new Uint8Array(0), request('Test.Join', []), request('Test.Double', []))
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 60 }), sizes, async (start, rest, cuts) => {
        const answer = await ask(cut(Buffer.concat([start, rest]), cuts))
        let last = ''
        for (let at = 0; at < answer.length;) {
          expect(last).toBe('') // an error is the last thing said
          const header = decodeAt(headerCodec, answer, at)
          last = header.value.error
          at = decodeAt(any, answer, header.end).end
        }
      }),
      { numRuns: 150 }
    )
  })
})

describe('ValueReader', () => {
  it('finds the values of any bytes as the scanner does, or fails as it does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), sizes, async (bytes, cuts) => {
        const expected: unknown[] = []
        for (let rest = bytes; ;) {
          try {
            const length = valueLength(rest, { maxBytes: 1000 })
            expected.push(length === undefined ? (rest.length === 0 ? 'end' : 'cut') : length)
            if (length === undefined) break
            rest = rest.subarray(length)
          } catch (error) {
            expected.push(error instanceof MsgpackError ? 'error' : error)
            break
          }
        }
        const found: unknown[] = []
        const reader = new ValueReader(chunks(cut(bytes, cuts)), 1000)
        for (;;) {
          const value = await reader.next().catch(() => 'error' as const)
          found.push(typeof value === 'string' ? value : value.length)
          if (typeof value === 'string') break
        }
        expect(found).toEqual(expected)
      })
    )
  })
})

async function* chunks(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece)
}
