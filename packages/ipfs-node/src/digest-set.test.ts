import * as fc from 'fast-check'
import * as digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import { DigestSet } from './digest-set.ts'

const multihash = fc
  .record({ code: fc.constantFrom(0x12, 0x13, 0), bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }) })
  .map(({ code, bytes }) => digest.create(code, bytes))

test('behaves as a set of the first 16 bytes, with growth', () => {
  fc.assert(
    fc.property(fc.array(multihash, { maxLength: 300 }), (list) => {
      const set = new DigestSet()
      const model = new Set<string>()
      const keyOf = (m: (typeof list)[number]): string => {
        const padded = Buffer.alloc(16)
        padded.set(m.digest.subarray(0, 16))
        return `${m.code}:${padded.toString('hex')}`
      }
      for (const m of list) {
        expect(set.has(m)).toBe(model.has(keyOf(m)))
        expect(set.add(m)).toBe(!model.has(keyOf(m)))
        model.add(keyOf(m))
      }
      expect(set.size).toBe(model.size)
      for (const m of list) expect(set.has(m)).toBe(true)
    })
  )
})

test('a salt keeps uses of one digest apart', () => {
  const set = new DigestSet()
  const m = digest.create(0x12, new Uint8Array(32).fill(7))
  expect(set.add(m, 0x70)).toBe(true)
  expect(set.has(m, 0x55)).toBe(false)
})

test('holds 200 000 and refuses more than its limit', () => {
  const set = new DigestSet(200_000)
  const of = (i: number): digest.Digest<number, number> => {
    const bytes = new Uint8Array(32)
    new DataView(bytes.buffer).setUint32(12, i)
    return digest.create(0x12, bytes)
  }
  for (let i = 0; i < 200_000; i++) set.add(of(i))
  expect(set.size).toBe(200_000)
  expect(set.has(of(199_999))).toBe(true)
  expect(() => set.add(of(200_000))).toThrow(expect.objectContaining({ code: 'DAG_TOO_LARGE' }))
  expect(set.add(of(5))).toBe(false)
})
