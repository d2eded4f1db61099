import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as dagPb from '@ipld/dag-pb'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import { cborLinks } from './cbor-links.ts'
import { linksOf } from './links.ts'

const cidOf = (code: number, bytes: Uint8Array): CID =>
  CID.createV1(code, digest.create(0x12, createHash('sha256').update(bytes).digest()))
const target = cidOf(0x55, new Uint8Array([1]))

interface Shard {
  links: number
  hex?: string // of short ones only
}

test('finds the links of the shards and cluster DAGs of a Go peer', () => {
  const path = new URL('../../testing/vectors/adder/sharding.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: { shards?: Shard[] }[] }
  let checked = 0
  for (const { hex, links } of cases.flatMap(({ shards }) => shards ?? [])) {
    if (hex === undefined) continue
    const bytes = Buffer.from(hex, 'hex')
    expect(linksOf(cidOf(0x71, bytes), bytes)).toHaveLength(links)
    checked++
  }
  expect(checked).toBeGreaterThan(10)
})

test('links of dag-pb, dag-json, raw and json', () => {
  const node = dagPb.encode(dagPb.prepare({ Links: [{ Hash: target, Name: 'x', Tsize: 1 }] }))
  expect(linksOf(cidOf(0x70, node), node).map(String)).toEqual([target.toString()])
  const json = new TextEncoder().encode(
    JSON.stringify({ a: [{ '/': target.toString() }, { '/': { bytes: 'AQ' } }], b: { c: { '/': target.toString() } } })
  )
  expect(linksOf(cidOf(0x0129, json), json).map(String)).toEqual([target.toString(), target.toString()])
  expect(linksOf(target, new Uint8Array([1]))).toEqual([])
  expect(linksOf(cidOf(0x0200, json), json)).toEqual([])
})

test('unknown codecs and undecodable blocks are named', () => {
  const bytes = new Uint8Array([0xff, 0xff])
  expect(() => linksOf(cidOf(0x99, bytes), bytes)).toThrow(expect.objectContaining({ code: 'UNKNOWN_CODEC' }))
  for (const code of [0x70, 0x71, 0x0129]) {
    expect(() => linksOf(cidOf(code, bytes), bytes)).toThrow(expect.objectContaining({ code: 'BAD_BLOCK' }))
  }
})

test('CBOR of every kind is skipped, links inside are found', () => {
  const link = Buffer.concat([Buffer.from('d82a5825', 'hex'), Buffer.from([0]), target.bytes])
  // { "a": [1, -1, 1.5, true, null, "text", h'0102', link], "b": link }
  const block = Buffer.concat([
    Buffer.from('a2', 'hex'),
    Buffer.from('6161', 'hex'),
    Buffer.from('88', 'hex'),
    Buffer.from('0120fb3ff8000000000000f5f66474657874420102', 'hex'),
    link,
    Buffer.from('6162', 'hex'),
    link
  ])
  expect(cborLinks(block).map(String)).toEqual([target.toString(), target.toString()])
  for (let cut = 0; cut < block.byteLength; cut++) expect(() => cborLinks(block.subarray(0, cut))).toThrow()
  expect(() => cborLinks(Buffer.concat([block, Buffer.from([0])]))).toThrow('after the end')
})

test('hostile CBOR ends with an error or a list, quickly', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        cborLinks(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    })
  )
  const deep = new Uint8Array(1_000_000).fill(0x81)
  expect(() => cborLinks(deep)).toThrow()
  const wide = Buffer.from('9bffffffffffffffff', 'hex')
  expect(() => cborLinks(wide)).toThrow('unexpected end')
})
