import { readFileSync } from 'node:fs'
import { ClusterError } from '@cluster/api'
import { decode, encode, MsgpackError } from '@cluster/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as wire from './index.ts'
import * as scalars from './scalars.ts'

const forms = Object.entries(wire).flatMap(([name, value]) =>
  name.endsWith('Form') ? [[name, value as unknown as wire.Form<unknown>] as const] : []
)
const { vectors } = JSON.parse(
  readFileSync(new URL('../../testing/vectors/rpc/types.json', import.meta.url), 'utf8')
) as { readonly vectors: readonly { readonly msgpack: string; readonly json?: string }[] }
const samples = vectors.map(({ msgpack }) => Buffer.from(msgpack, 'hex'))

/** The value, or undefined when the input was refused as it should be: with an error of ours. */
function accepted(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof ClusterError || error instanceof MsgpackError) return undefined
    throw error
  }
}

/** Bytes that are nearly right: a recorded value with a few bytes changed. */
const nearly = fc
  .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
  .map(([sample, changes]) => {
    const bytes = Uint8Array.from(sample)
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte
    return bytes
  })

describe.each(forms)('%s', (_, form) => {
  it('answers any bytes with a value that can be written again, or with an error of ours', () => {
    fc.assert(
      fc.property(fc.oneof({ arbitrary: nearly, weight: 4 }, { arbitrary: fc.uint8Array(), weight: 1 }), (bytes) => {
        const value = accepted(() => decode(form.msgpack, bytes))
        if (value === undefined) return
        const written = encode(form.msgpack, value)
        expect(encode(form.msgpack, decode(form.msgpack, written))).toEqual(written)
        expect(() => JSON.parse(form.json.print(value)) as unknown).not.toThrow()
      }),
      { numRuns: 300 }
    )
  })

  it('answers any JSON with a value that prints, or with an error of ours', () => {
    const keys = vectors.flatMap(({ json }) => Object.keys((JSON.parse(json ?? 'null') ?? {}) as object))
    const like = fc.dictionary(fc.constantFrom(...new Set(keys)), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 })
    fc.assert(
      fc.property(fc.oneof(like, fc.jsonValue()), (json) => {
        const value = accepted(() => form.json.read(json))
        if (value === undefined) return
        const printed = form.json.print(value)
        expect(form.json.print(form.json.read(wire.parseJson(printed)))).toBe(printed)
      }),
      { numRuns: 300 }
    )
  })
})

describe('instants outside of RFC 3339', () => {
  it('print as the first or the last second of its years', () => {
    expect(scalars.time.json.print(2n ** 80n)).toBe('"9999-12-31T23:59:59Z"')
    expect(scalars.time.json.print(-(2n ** 80n))).toBe('"0000-01-01T00:00:00Z"')
  })
})
