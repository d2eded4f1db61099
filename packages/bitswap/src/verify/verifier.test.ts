import { createHash } from 'node:crypto'
import { sha512 } from 'multiformats/hashes/sha2'
import { describe, expect, it } from 'vitest'
import { latin1 } from '../cid/key.ts'
import { Verifier } from './verifier.ts'

const sha2 = { version: 1, codec: 0x55, hashCode: 0x12, digestLength: 32 }

describe('the identity of a block', () => {
  it.each([0, 13, 32_768, 32_769, 300_000])('of %d bytes is its multihash', async (size) => {
    const data = new Uint8Array(size).fill(7)
    const digest = createHash('sha256').update(data).digest()
    expect(await new Verifier().keyOf({ prefix: sha2, data })).toBe(latin1(Uint8Array.of(0x12, 32, ...digest)))
  })

  it('of a view is that of the view alone', async () => {
    const whole = new Uint8Array(100_000).fill(3)
    const data = whole.subarray(10, 50_000)
    const digest = createHash('sha256').update(data).digest()
    expect(await new Verifier().keyOf({ prefix: sha2, data })).toBe(latin1(Uint8Array.of(0x12, 32, ...digest)))
  })

  it('may be cut short, but is never longer than its hash', async () => {
    const data = Uint8Array.of(1, 2, 3)
    const digest = createHash('sha256').update(data).digest().subarray(0, 20)
    const verifier = new Verifier()
    expect(await verifier.keyOf({ prefix: { ...sha2, digestLength: 20 }, data })).toBe(
      latin1(Uint8Array.of(0x12, 20, ...digest))
    )
    expect(await verifier.keyOf({ prefix: { ...sha2, digestLength: 33 }, data })).toBeUndefined()
  })

  it('comes from the hash functions that were handed in; others are unknown', async () => {
    const asked: number[] = []
    const verifier = new Verifier((code) => {
      asked.push(code)
      if (code !== sha512.code) throw new Error('unknown')
      return sha512
    })
    const data = Uint8Array.of(1, 2, 3)
    const expected = latin1((await sha512.digest(data)).bytes)
    const block = { prefix: { ...sha2, hashCode: sha512.code, digestLength: 64 }, data }
    expect(await verifier.keyOf(block)).toBe(expected)
    expect(await verifier.keyOf(block)).toBe(expected)
    expect(asked).toEqual([sha512.code])
    expect(await verifier.supports(0x3fff)).toBe(false)
    expect(await new Verifier().supports(sha512.code)).toBe(false)
    expect(await new Verifier().keyOf({ prefix: { ...sha2, hashCode: 0 }, data })).toBeUndefined()
  })
})
