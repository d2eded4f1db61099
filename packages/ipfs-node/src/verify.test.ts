import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import { matches } from './verify.ts'

const bytes = new TextEncoder().encode('some block')
const cidOf = (code: number, hash: Uint8Array): CID => CID.createV1(0x55, digest.create(code, hash))

test.each([
  ['sha1', 0x11],
  ['sha256', 0x12],
  ['sha512', 0x13],
  ['sha3-256', 0x16],
  ['blake2b512', 0xb240],
  ['blake2s256', 0xb260]
])('%s', async (name, code) => {
  const hash = createHash(name).update(bytes).digest()
  expect(await matches(cidOf(code, hash), bytes)).toBe(true)
  expect(await matches(cidOf(code, hash.subarray(0, 20)), bytes)).toBe(true)
  expect(await matches(cidOf(code, hash), bytes.subarray(1))).toBe(false)
})

// digests of the empty input, as their specifications give them
test.each([
  ['blake2b-256', 0xb220, '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8'],
  ['blake3', 0x1e, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  ['keccak-256', 0x1b, 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470']
])('%s', async (_name, code, hex) => {
  const hash = Buffer.from(hex, 'hex')
  expect(await matches(cidOf(code, hash), new Uint8Array())).toBe(true)
  expect(await matches(cidOf(code, hash), bytes)).toBe(false)
})

test('double sha2-256', async () => {
  const once = createHash('sha256').update(bytes).digest()
  expect(await matches(cidOf(0x56, createHash('sha256').update(once).digest()), bytes)).toBe(true)
  expect(await matches(cidOf(0x56, once), bytes)).toBe(false)
})

test('a digest longer than the hash never matches', async () => {
  const hash = createHash('sha256').update(bytes).digest()
  expect(await matches(cidOf(0x12, Buffer.concat([hash, hash])), bytes)).toBe(false)
})

test('hash functions can be added', async () => {
  const own = new Map([[0x1012, (input: Uint8Array) => new Uint8Array(32).fill(input.byteLength)]])
  expect(await matches(cidOf(0x1012, new Uint8Array(32).fill(bytes.byteLength)), bytes, own)).toBe(true)
  await expect(matches(cidOf(0x1012, new Uint8Array(32)), bytes)).rejects.toMatchObject({ code: 'UNKNOWN_HASH' })
})
