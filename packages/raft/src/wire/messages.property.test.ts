import { ByteReader } from '@cluster/streams'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Reply, Request } from '../messages.ts'
import { RaftError } from '../errors.ts'
import { readData, readReply, readRequest } from '../transport/request-reader.ts'
import { encodeReply, encodeRequest } from './messages.ts'

const index = fc.maxSafeNat()
const text = fc.string({ unit: 'binary-ascii', maxLength: 60 })
const octets = fc.option(fc.uint8Array({ maxLength: 100 }), { nil: undefined })
const header = fc.record({ protocolVersion: fc.integer({ min: -200, max: 70_000 }), id: text, address: text })
const entry = fc.record({
  index,
  term: index,
  type: fc.nat({ max: 255 }),
  data: octets,
  extensions: octets,
  appendedAt: fc.constantFrom(undefined, Uint8Array.of(1, 0, 0, 0, 14, 226, 147, 63, 179, 44, 61, 233, 196, 0, 0))
})

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    type: fc.constant('append' as const),
    header,
    term: index,
    leader: text,
    previousIndex: index,
    previousTerm: index,
    entries: fc.option(fc.array(entry, { maxLength: 20 }), { nil: undefined }),
    commitIndex: index
  }),
  fc.record({
    type: fc.constant('vote' as const),
    header,
    term: index,
    candidate: text,
    lastIndex: index,
    lastTerm: index,
    isTransfer: fc.boolean()
  }),
  fc.record({ type: fc.constant('pre-vote' as const), header, term: index, lastIndex: index, lastTerm: index }),
  fc.record({ type: fc.constant('timeout-now' as const), header }),
  fc.record({
    type: fc.constant('snapshot' as const),
    header,
    version: fc.integer({ min: 0, max: 9 }),
    term: index,
    leader: text,
    lastIndex: index,
    lastTerm: index,
    peers: octets,
    configuration: octets,
    configurationIndex: index,
    size: fc.nat({ max: 50 })
  })
)

const reply: fc.Arbitrary<Reply> = fc.record({
  error: text,
  body: fc.option(
    fc.oneof(
      fc.record({
        type: fc.constant('append' as const),
        header,
        term: index,
        lastLog: index,
        success: fc.boolean(),
        noRetryBackoff: fc.boolean()
      }),
      fc.record({ type: fc.constant('vote' as const), header, term: index, peers: octets, granted: fc.boolean() }),
      fc.record({ type: fc.constant('snapshot' as const), header, term: index, success: fc.boolean() })
    ),
    { nil: undefined }
  )
})

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** `encoded` is not there on what comes from the wire. */
test('what is written is read as it was, wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 400 }),
      async (requests, size) => {
        const bytes = Buffer.concat(
          requests.map((one) =>
            Buffer.concat([encodeRequest(one), new Uint8Array(one.type === 'snapshot' ? one.size : 0)])
          )
        )
        const reader = new ByteReader(pieces(bytes, size))
        for (const one of requests) {
          expect(await readRequest(reader)).toEqual(one)
          if (one.type === 'snapshot')
            expect(
              (await Array.fromAsync(readData(reader, one.size))).reduce((sum, { length }) => sum + length, 0)
            ).toBe(one.size)
        }
        expect(await readRequest(reader)).toBe(undefined)
      }
    )
  )
})

test('answers too', async () => {
  await fc.assert(
    fc.asyncProperty(reply, fc.integer({ min: 1, max: 100 }), async (one, size) => {
      const reader = new ByteReader(pieces(encodeReply(one), size))
      expect(await readReply(reader, one.body?.type ?? 'append')).toEqual(one)
    })
  )
})

test('garbage is refused with a reason, whatever it is', async () => {
  const url = new URL('../../../testing/vectors/raft/rpc-messages.json', import.meta.url)
  const { messages } = JSON.parse(readFileSync(url, 'utf8')) as {
    readonly messages: readonly { readonly request: string }[]
  }
  const corpus = messages.map((one) => Buffer.from(one.request, 'hex'))
  const mutated = fc
    .tuple(fc.constantFrom(...corpus), fc.nat(), fc.nat({ max: 255 }), fc.nat())
    .map(([bytes, at, value, cut]) => {
      const copy = new Uint8Array(bytes)
      copy[at % copy.length] = value
      return copy.subarray(0, (cut % copy.length) + 1)
    })
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), async (bytes) => {
      const reader = new ByteReader(pieces(bytes, 50))
      try {
        for (let left = 10; left > 0 && (await readRequest(reader)) !== undefined; left--) continue
      } catch (error) {
        expect(error).toBeInstanceOf(RaftError)
        expect(error).toMatchObject({ code: 'RAFT_BAD_MESSAGE' })
      }
    }),
    { numRuns: 500 }
  )
})

test('a message that announces too much is refused before it is there', async () => {
  // an append whose data would have 2 GiB
  const head = Buffer.concat([
    Uint8Array.of(0, 0x81, 0xa4),
    Buffer.from('Addr'),
    Uint8Array.of(0xdb, 0x80, 0, 0, 0),
    new Uint8Array(100)
  ])
  const reader = new ByteReader(pieces(head, 10))
  await expect(readRequest(reader)).rejects.toMatchObject({ code: 'RAFT_BAD_MESSAGE' })
})
