import fc from 'fast-check'
import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { describe, expect, it } from 'vitest'
import { comparePinsetOrder, pinsetKey } from './pinset-order.ts'

describe('pinset order', () => {
  const cidOf = (bytes: Uint8Array): CID => CID.createV1(0x55, identity.digest(bytes))

  it('has the base32 text of the CID as key, whatever its length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const cid = cidOf(bytes)
        expect(pinsetKey(cid)).toBe(base32upper.baseEncode(cid.bytes))
      })
    )
  })

  it('sorts digits before letters', () => {
    const cids = [
      cidOf(Uint8Array.of(0)),
      cidOf(Uint8Array.of(255)),
      CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
    ]
    const keys = cids.toSorted(comparePinsetOrder).map(pinsetKey)
    expect(keys).toEqual(keys.toSorted())
    expect(comparePinsetOrder(cids[0] ?? expect.unreachable(), cids[0] ?? expect.unreachable())).toBe(0)
  })
})
