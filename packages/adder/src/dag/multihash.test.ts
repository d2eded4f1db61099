import fc from 'fast-check'
import { create } from 'multiformats/hashes/digest'
import { expect, it } from 'vitest'
import { multihashOf } from './multihash.ts'

it('is what the library makes', () => {
  const code = fc.nat({ max: 0x1ffff })
  const digest = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(code, digest, (one, bytes) => {
      expect(multihashOf(one, bytes)).toEqual(create(one, bytes))
    })
  )
})
