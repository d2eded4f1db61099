import { ClusterError } from '@cluster/api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapOf } from './form.ts'
import { globalPinInfoFromJSON, loosePinForm, metricForm, parseJson, pinFromJSON, pinForm, pinToJSON } from './index.ts'
import { compareUtf8, quote } from './json.ts'
import * as scalars from './scalars.ts'

const cid = 'QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq'

function errorOf(call: () => unknown): ClusterError {
  try {
    call()
  } catch (error) {
    if (error instanceof ClusterError) return error
    throw error
  }
  throw new Error('nothing thrown')
}

describe('JSON', () => {
  it('keeps integers beyond 2^53 exact, in both directions', () => {
    const text = `{"name":"ping","peer":"","value":"","expire":1767323075123456789,"valid":true,"weight":-9223372036854775808,"partitionable":false,"received_at":9007199254740993}`
    const json = parseJson(text) as { expire: unknown; weight: unknown }
    expect(json.expire).toBe(1767323075123456789n)
    expect(json.weight).toBe(-(2n ** 63n))
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(scalars.uint64.json.read(parseJson(scalars.uint64.json.print(value)))).toBe(value)
      })
    )
  })

  it('refuses an integer that lost digits before it came, one out of range, and a fraction', () => {
    expect(errorOf(() => scalars.int64.json.read(JSON.parse('9007199254740993'))).code).toBe('CORRUPT')
    expect(errorOf(() => scalars.int64.json.read(parseJson('9223372036854775808'))).code).toBe('CORRUPT')
    expect(errorOf(() => scalars.uint64.json.read(-1)).code).toBe('CORRUPT')
    expect(errorOf(() => scalars.int.json.read(1.5)).code).toBe('CORRUPT')
  })

  it('sorts the keys of maps by their bytes, also those that look like numbers', () => {
    const map = new Map(['b', '10', '9', 'B', '\u{10000}', '\uffff', 'aa', 'a', ''].map((key) => [key, 'x']))
    const printed = mapOf(scalars.string).json.print(map)
    expect([...printed.matchAll(/"([^"]*)":/g)].map(([, key]) => key)).toEqual([
      '',
      '10',
      '9',
      'B',
      'a',
      'aa',
      'b',
      '\uffff',
      '\u{10000}'
    ])
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      })
    )
  })

  it('escapes what Go escapes', () => {
    expect(quote('<a href="x">&\u2028\u2029</a>\n')).toBe(
      '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u2029\\u003c/a\\u003e\\n"'
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(quote(text))).toBe(text)
      })
    )
  })

  it('finds keys whatever their case, ignores unknown ones, takes null for absent', () => {
    const pin = pinFromJSON({
      CID: cid,
      Name: 'n',
      TYPE: 'pin',
      unknown: [1],
      metadata: null,
      allocations: null,
      mode: 'direct'
    })
    expect(pin).toMatchObject({ name: 'n', mode: 1, metadata: undefined, allocations: undefined, type: 2 })
    expect(pin.cid.toString()).toBe(cid)
    expect(pinFromJSON(parseJson(pinToJSON(pin)))).toEqual(pin)
  })

  it('names the key at fault', () => {
    const error = errorOf(() => pinFromJSON({ cid, allocations: ['nobody'] }))
    expect(error.code).toBe('CORRUPT')
    expect(error.message).toMatch(/^allocations: 0: /)
    const peer = '12D3KooWSpsnSVdz8uuh7acyixzxmGiYNYpvKCHEi6CfKQHPqBxx'
    expect(errorOf(() => globalPinInfoFromJSON({ cid, peer_map: { [peer]: { attempt_count: '1' } } })).message).toMatch(
      /^peer_map: 12D3KooW.*: attempt_count: a number was expected/
    )
    expect(errorOf(() => pinFromJSON([])).message).toBe('an object was expected, got a list')
    expect(errorOf(() => parseJson('{')).code).toBe('CORRUPT')
  })

  it('requires the CID or peer of a domain type, and lets a loose one go without', () => {
    expect(errorOf(() => pinFromJSON({ cid: null })).message).toBe('pin without cid')
    expect(errorOf(() => pinForm.json.zero()).message).toBe('pin without cid')
    expect(errorOf(() => metricForm.json.read({ peer: '' })).message).toBe('metric without peer')
    expect(loosePinForm.json.read({ cid: null }).cid).toBeUndefined()
    expect(errorOf(() => loosePinForm.json.read({ cid: '' })).code).toBe('CORRUPT')
  })

  it('reads peer IDs also as CIDs of keys, and prints them as base58', () => {
    const id = scalars.peer.json.read('12D3KooWSpsnSVdz8uuh7acyixzxmGiYNYpvKCHEi6CfKQHPqBxx')
    const text = id?.toCID().toString() ?? ''
    expect(text).toMatch(/^baf/)
    expect(scalars.peer.json.print(scalars.peer.json.read(text))).toBe(scalars.peer.json.print(id))
    expect(errorOf(() => scalars.peer.json.read(cid.slice(1))).code).toBe('CORRUPT')
  })
})
