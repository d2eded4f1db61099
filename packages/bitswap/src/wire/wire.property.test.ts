import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../errors.ts'
import { decodeMessage } from './decode.ts'
import { encodeMessage, entryBytes } from './encode.ts'
import type { OutgoingMessage } from './message.ts'

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const cid = fc.oneof(
  digest.map((bytes) => Uint8Array.of(0x12, 32, ...bytes)),
  fc.tuple(fc.nat(127), digest).map(([codec, bytes]) => Uint8Array.of(1, codec, 0x12, 32, ...bytes))
)
const entry = fc.record({
  cid,
  priority: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  cancel: fc.boolean(),
  type: fc.constantFrom('block' as const, 'have' as const),
  sendDontHave: fc.boolean()
})
const prefix = fc.constantFrom(Uint8Array.of(1, 0x55, 0x12, 32), Uint8Array.of(0, 0x70, 0x12, 32))
const message: fc.Arbitrary<Required<OutgoingMessage>> = fc.record({
  full: fc.boolean(),
  entries: fc.array(entry, { maxLength: 6 }),
  blocks: fc.array(fc.record({ prefix, data: fc.uint8Array({ maxLength: 400 }) }), { maxLength: 4 }),
  presences: fc.array(fc.record({ cid, type: fc.constantFrom('have' as const, 'dont-have' as const) }), {
    maxLength: 6
  }),
  pendingBytes: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
})

describe('messages', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const { full, entries, blocks, presences, pendingBytes, skipped } = decodeMessage(
          encodeMessage(sent).subarray()
        )
        expect(skipped).toBe(0)
        expect({ full, pendingBytes }).toEqual({ full: sent.full, pendingBytes: sent.pendingBytes })
        expect(entries.map((one) => ({ ...one, cid: one.cid.bytes }))).toEqual(sent.entries)
        expect(presences.map((one) => ({ ...one, cid: one.cid.bytes }))).toEqual(sent.presences)
        expect(
          blocks.map(({ prefix: { version, codec, hashCode, digestLength }, data }) => [
            ...[version, codec, hashCode, digestLength],
            ...data
          ])
        ).toEqual(sent.blocks.map((one) => [...one.prefix, ...one.data]))
      })
    )
  })

  it('of the old protocols carry plain blocks, and no presences', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const { blocks, presences, pendingBytes } = decodeMessage(encodeMessage(sent, false).subarray())
        expect(blocks.map(({ data }) => [...data])).toEqual(sent.blocks.map(({ data }) => [...data]))
        expect([presences.length, pendingBytes]).toEqual([0, 0])
      })
    )
  })

  it('have entries of the size that was reckoned with', () => {
    fc.assert(
      fc.property(entry, (one) => {
        const empty = encodeMessage({}).byteLength
        // The length of the want list itself takes one byte more from 128 bytes on.
        expect(encodeMessage({ entries: [one] }).byteLength - empty).toBe(entryBytes(one))
      })
    )
  })

  it('that are any bytes are read, or refused as malformed, and nothing else', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (sent, changes, end) => {
          const bytes = encodeMessage(sent).slice()
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          try {
            decodeMessage(bytes.subarray(0, end % (bytes.length + 1)))
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedMessageError)
          }
        }
      ),
      { numRuns: 2000 }
    )
  })
})

it('groups may be skipped, but not nested without end', () => {
  expect(decodeMessage(Uint8Array.of(0x7b, 0x08, 1, 0x7c)).entries).toEqual([])
  expect(() => decodeMessage(Uint8Array.of(0x7b, 0x74))).toThrow(MalformedMessageError)
  expect(() => decodeMessage(Uint8Array.of(0x7b))).toThrow('a group does not end')
  expect(() => decodeMessage(new Uint8Array(1000).fill(0x7b))).toThrow('nested too deeply')
})

it('scalars that come twice count the last time, and sub-messages merge', () => {
  const first = encodeMessage({ pendingBytes: 5 }).subarray()
  const second = encodeMessage({ full: true, pendingBytes: 7 }).subarray()
  expect(decodeMessage(Uint8Array.of(...first, ...second))).toMatchObject({ full: true, pendingBytes: 7 })
})

it('a frame with more elements than anybody sends is malformed', () => {
  const empty = Uint8Array.of(0x1a, 0x0a, 0x0a, 0x04, 1, 0x55, 0x12, 32, 0x12, 0x02, 1, 2)
  const frame = new Uint8Array(empty.length * 32_769)
  for (let at = 0; at < frame.length; at += empty.length) frame.set(empty, at)
  expect(() => decodeMessage(frame)).toThrow('too many blocks')
  expect(decodeMessage(frame.subarray(empty.length)).blocks.length).toBe(32_768)
})
