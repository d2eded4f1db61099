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
  const own = new Map([[0x1e, (input: Uint8Array) => new Uint8Array(32).fill(input.byteLength)]])
  expect(await matches(cidOf(0x1e, new Uint8Array(32).fill(bytes.byteLength)), bytes, own)).toBe(true)
  await expect(matches(cidOf(0x1e, new Uint8Array(32)), bytes)).rejects.toMatchObject({ code: 'UNKNOWN_HASH' })
})
