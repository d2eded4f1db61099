import { readFileSync } from 'node:fs'
import { decode } from '@cluster/msgpack'
import { describe, expect, it } from 'vitest'
import { loosePinForm, parseJson, pinForm, pinFromProtobuf, pinToProtobuf } from './index.ts'

function load(path: string): string {
  return readFileSync(new URL(`../../testing/vectors/${path}`, import.meta.url), 'utf8')
}
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
interface Stored {
  readonly source: string
  readonly what: string
  readonly protobuf: string
  readonly answer?: unknown
  readonly json_in?: unknown
  readonly allocation: unknown
  readonly export?: unknown
}
interface TypeVector {
  readonly type: string
  readonly name: string
  readonly msgpack: string
  readonly protobuf?: string
  readonly protobuf_decoded_json?: string
}

const { pins } = parseJson(load('crdt/pins.json')) as { readonly pins: readonly Stored[] }

/** The same JSON with the same order of keys. The bytes of Go's JSON are compared in types.vectors.test.ts. */
function expectSame(printed: string, json: unknown): void {
  const value = (typeof json === 'string' ? parseJson(json) : json) as object
  const parsed = parseJson(printed) as object
  expect(parsed).toEqual(value)
  expect(Object.keys(parsed)).toEqual(Object.keys(value))
}

describe('pins in the state of a Go peer (crdt/pins.json)', () => {
  it('has the pins of both sources', () => {
    expect(pins).toHaveLength(81)
  })

  for (const stored of pins) {
    it(`${stored.source}: ${stored.what}`, () => {
      const given = pinForm.json.read(stored.answer ?? stored.json_in)
      expect(hex(pinToProtobuf(given))).toBe(stored.protobuf)
      const read = pinFromProtobuf(Buffer.from(stored.protobuf, 'hex'))
      expectSame(loosePinForm.json.print(read), stored.allocation)
      if (stored.export !== undefined) expectSame(loosePinForm.json.print(read), stored.export)
      expect(hex(pinToProtobuf(read))).toBe(stored.protobuf)
    })
  }
})

describe('protobuf of pins (rpc/types.json)', () => {
  const { vectors } = parseJson(load('rpc/types.json')) as { readonly vectors: readonly TypeVector[] }
  const withProtobuf = vectors.filter(({ protobuf }) => protobuf !== undefined)

  it('finds them', () => {
    expect(withProtobuf).toHaveLength(7)
  })

  for (const vector of withProtobuf) {
    it(vector.name, () => {
      const pin = decode(loosePinForm.msgpack, Buffer.from(vector.msgpack, 'hex'))
      expect(hex(pinToProtobuf(pin))).toBe(vector.protobuf)
      const read = pinFromProtobuf(Buffer.from(vector.protobuf ?? '', 'hex'))
      expect(loosePinForm.json.print(read)).toBe(vector.protobuf_decoded_json)
    })
  }
})
