import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  always,
  any,
  array,
  bool,
  bytes,
  decodeAt,
  empty,
  encode,
  field,
  float64,
  int,
  int64,
  map,
  string,
  struct,
  time,
  uint,
  uint64,
  valueLength,
  type Codec
} from './index.ts'

interface TypeVector {
  readonly type: string
  readonly name: string
  readonly msgpack: string
  readonly json: string
  readonly decoded_json?: string
}
interface DecodeVector {
  readonly type: string
  readonly name: string
  readonly input: string
  readonly json?: string
  readonly error?: string
  readonly reencoded?: string
  readonly unread_bytes?: number
}

function load(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../testing/vectors/rpc/${file}`, import.meta.url), 'utf8'))
}
const { vectors: typeVectors } = load('types.json') as { readonly vectors: readonly TypeVector[] }
const { vectors: decodeVectors } = load('decode.json') as { readonly vectors: readonly DecodeVector[] }

interface ServiceID {
  readonly Name: string
  readonly Method: string
}
interface Header {
  readonly Service: ServiceID
  readonly Error: string
  readonly ErrType: number
}
const serviceId = struct<ServiceID>({ Name: always('Name', string), Method: always('Method', string) })
const header = struct<Header>({
  Service: field('Service', serviceId),
  Error: field('Error', string),
  ErrType: field('ErrType', int)
})

/** How a decoded value prints in the vectors: big integers as digits, bytes as base64, times as nanoseconds. */
function text(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (value === undefined) return 'null'
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (value instanceof Map) return JSON.stringify(Object.fromEntries(value as Map<string, unknown>))
  return JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
}

interface Kind {
  readonly codec: Codec<never>
  readonly print: (value: never) => string
}
function kind<T>(codec: Codec<T>, print: (value: T) => string = text): Kind {
  return { codec, print } as unknown as Kind
}

const NANOS = 1_000_000_000n
const kinds: Readonly<Record<string, readonly Kind[]>> = {
  int64: [kind(int64)],
  uint64: [kind(uint64)],
  float64: [kind(float64)],
  bool: [kind(bool)],
  string: [kind(string)],
  '[]uint8': [kind(bytes)],
  '[]string': [kind(array(string))],
  'map[string]string': [kind(map(string))],
  'struct {}': [kind(empty, () => '{}')],
  interface: [kind(any)],
  'rpc.ServiceID': [kind(serviceId)],
  'rpc.Response': [kind(header, (value) => JSON.stringify({ ...value, Data: null }))],
  'time.Time': [kind(time, (value) => (value === undefined ? '"0001-01-01T00:00:00Z"' : rfc3339(value)))]
}

function rfc3339(value: bigint): string {
  const nanos = ((value % NANOS) + NANOS) % NANOS
  const seconds = new Date(Number((value - nanos) / 1_000_000n)).toISOString().slice(0, 19)
  const fraction = nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`
  return JSON.stringify(`${seconds}${fraction}Z`)
}

describe('values as the Go codec writes them (rpc/types.json)', () => {
  for (const vector of typeVectors) {
    for (const { codec, print } of kinds[vector.type] ?? []) {
      // The two long texts are recorded by their first bytes only: below.
      if (vector.name.includes('first 8 bytes')) continue
      it(`${vector.type} ${vector.name}`, () => {
        const input = Buffer.from(vector.msgpack, 'hex')
        const { value, end } = decodeAt(codec, input, 0)
        expect(print(value)).toBe(vector.decoded_json ?? vector.json)
        expect(end).toBe(input.length)
        expect(valueLength(input)).toBe(input.length)
        expect(Buffer.from(encode(codec, value)).toString('hex')).toBe(vector.msgpack)
      })
    }
  }

  it('writes long texts with the 16-bit and the 32-bit header', () => {
    const cut = typeVectors.filter(({ name }) => name.includes('first 8 bytes'))
    expect(cut).toHaveLength(2)
    for (const { name, msgpack } of cut) {
      const written = encode(string, 'a'.repeat(Number.parseInt(name)))
      expect(Buffer.from(written.subarray(0, 8)).toString('hex')).toBe(msgpack)
    }
  })
})

describe('input that the Go decoder takes or refuses (rpc/decode.json)', () => {
  for (const vector of decodeVectors) {
    for (const { codec, print } of kinds[vector.type] ?? []) {
      it(`${vector.type} ${vector.name}`, () => {
        const input = Buffer.from(vector.input, 'hex')
        if (vector.error !== undefined) {
          expect(() => decodeAt(codec, input, 0)).toThrow(expect.objectContaining({ name: 'MsgpackError' }))
          return
        }
        const { value, end } = decodeAt(codec, input, 0)
        expect(print(value)).toBe(vector.json)
        expect(input.length - end).toBe(vector.unread_bytes ?? 0)
        expect(Buffer.from(encode(codec, value)).toString('hex')).toBe(vector.reencoded)
      })
    }
  }
})

describe('the safe number codecs against the same vectors', () => {
  const small = typeVectors.filter(({ json }) => Number.isSafeInteger(Number(json)))
  for (const [type, codec] of [
    ['int64', int],
    ['uint64', uint]
  ] as const) {
    for (const vector of small.filter((one) => one.type === type)) {
      it(`${type} ${vector.name}`, () => {
        const { value } = decodeAt(codec, Buffer.from(vector.msgpack, 'hex'), 0)
        expect(value).toBe(Number(vector.json))
        expect(Buffer.from(encode(codec, value)).toString('hex')).toBe(vector.msgpack)
      })
    }
  }
})
