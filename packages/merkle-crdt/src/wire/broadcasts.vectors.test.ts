import { readFileSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { decodeBroadcast, encodeBroadcast } from './broadcast.ts'

interface Broadcasts {
  payloads: { name: string; data: string; go: string; heads?: string[] }[]
  messages: { scenario: string; data: string; heads: string[] }[]
}
const file = new URL('../../../testing/vectors/crdt/broadcasts.json', import.meta.url)
const { payloads, messages } = JSON.parse(readFileSync(file, 'utf8')) as Broadcasts
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const v1 = (text: string): string => CID.parse(text).toV1().toString()

describe('crdt/broadcasts.json', () => {
  test('all messages decode, and encode again to the same bytes', () => {
    expect(messages).toHaveLength(75)
    for (const { data, heads } of messages) {
      expect(decodeBroadcast(fromHex(data)).map(String)).toEqual(heads.map(v1))
      if (heads.every((head) => CID.parse(head).version === 1)) {
        expect(toHex(encodeBroadcast(heads.map((head) => CID.parse(head))))).toBe(data)
      }
    }
  })

  test.each(payloads)('payload: $name ($go)', ({ data, go, heads }) => {
    if (go.startsWith('accepted')) {
      expect(decodeBroadcast(fromHex(data)).map(String)).toEqual((heads ?? []).map(v1))
    } else {
      expect(() => decodeBroadcast(fromHex(data))).toThrow('error decoding broadcast')
    }
  })
})

test('heads come without duplicates, in version 1', () => {
  const head = CID.parse('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')
  expect(decodeBroadcast(encodeBroadcast([head, head.toV1()])).map(String)).toEqual([head.toV1().toString()])
})

test('random bytes are refused with a typed error, or read', () => {
  let state = 1
  for (let round = 0; round < 2000; round += 1) {
    const bytes = Uint8Array.from({ length: round % 60 }, () => {
      state = (state * 1103515245 + 12345) % 2147483648
      return state & 255
    })
    try {
      decodeBroadcast(bytes)
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_CRDT_BAD_BROADCAST' })
    }
  }
})
