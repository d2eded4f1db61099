import { hash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { codecName, hashName } from './multicodec-names.ts'
import { verifyBlock } from './verify-block.ts'

const bytes = new TextEncoder().encode('abc')
const cidOf = (code: number, hex: string): CID => CID.createV1(0x55, digest.create(code, Buffer.from(hex, 'hex')))

/** Published test vectors for "abc", by multihash code. */
const digests: readonly (readonly [string, number, string])[] = [
  ['sha1', 0x11, 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['sha2-256', 0x12, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['sha2-512', 0x13, hash('sha512', bytes)],
  ['sha3-256', 0x16, '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'],
  ['keccak-256', 0x1b, '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
  ['blake3', 0x1e, '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85'],
  ['blake2b-256', 0xb220, 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319'],
  ['blake2s-256', 0xb260, '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982'],
  ['identity', 0x00, '616263']
]

describe('blocks and their CIDs', () => {
  it.each(digests)('knows %s by name and value', (name, code, hex) => {
    const cid = cidOf(code, hex)
    expect(hashName(cid)).toBe(name)
    verifyBlock(cid, bytes)
    const wrong = cidOf(code, hex.replace(/^../, 'ff'))
    expect(() => {
      verifyBlock(wrong, bytes)
    }).toThrow('3 bytes are not the block')
  })

  it('takes the beginning of a digest, and leaves hash functions it does not know to the daemon', () => {
    verifyBlock(cidOf(0x12, 'ba7816bf8f01cfea414140de5dae2223b00361a3'), bytes)
    verifyBlock(cidOf(0xd5, '00'), bytes)
  })

  it('names codecs, and refuses what has no name', () => {
    const { multihash } = cidOf(0x12, '00')
    const names = [0x55, 0x70, 0x71, 0x0129].map((code) => codecName(CID.createV1(code, multihash)))
    expect(names).toEqual(['raw', 'dag-pb', 'dag-cbor', 'dag-json'])
    expect(() => codecName(CID.createV1(0x999999, multihash))).toThrow(
      "cannot find name for the blocks' CID codec: 999999"
    )
    expect(() => hashName(cidOf(0x999999, '00'))).toThrow("cannot find name for the blocks' Multihash type: 999999")
  })
})
