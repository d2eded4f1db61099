import { readFileSync } from 'node:fs'
import { hash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { seededRandom } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import {
  createNode,
  decodeBroadcast,
  decodeDelta,
  decodeNode,
  encodeDelta,
  MAX_BLOCK_BYTES,
  MAX_LINKS
} from '../index.ts'

const file = new URL('../../../testing/vectors/crdt/blocks.json', import.meta.url)
const { blocks } = JSON.parse(readFileSync(file, 'utf8')) as { blocks: { bytes: string }[] }
const cidOf = (bytes: Uint8Array): CID => CID.createV1(0x70, Digest.create(0x12, hash('sha256', bytes, 'buffer')))

/** Bytes near valid ones: some changed, cut off, or repeated. */
function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice()
  const dice = random()
  if (dice < 0.3) return copy.subarray(0, Math.floor(random() * copy.length))
  if (dice < 0.4) return Uint8Array.from([...copy, ...copy.subarray(0, Math.floor(random() * copy.length))])
  for (let count = 1 + Math.floor(random() * 4); count > 0; count -= 1) {
    copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
  }
  return copy
}

describe('decoders read anything, or refuse it with a typed error', () => {
  const seed = 20_261_121
  test(`blocks, deltas and announcements near recorded ones, seed ${seed}`, () => {
    const random = seededRandom(seed)
    const counts = { read: 0, refused: 0 }
    const attempt = (decode: () => unknown, code: string): void => {
      try {
        decode()
        counts.read += 1
      } catch (error) {
        expect(error).toMatchObject({ name: 'CrdtError', code })
        counts.refused += 1
      }
    }
    for (let round = 0; round < 20_000; round += 1) {
      const block = blocks[round % blocks.length]
      if (block === undefined) throw new Error('no blocks')
      const bytes = mutate(new Uint8Array(Buffer.from(block.bytes, 'hex')), random)
      attempt(() => decodeNode(cidOf(bytes), bytes), 'ERR_CRDT_BAD_BLOCK')
      attempt(() => decodeDelta(bytes), 'ERR_CRDT_BAD_BLOCK')
      attempt(() => decodeBroadcast(bytes), 'ERR_CRDT_BAD_BROADCAST')
    }
    expect(counts.read).toBeGreaterThan(100)
    expect(counts.refused).toBeGreaterThan(100)
  })

  test('what was encoded is read again, with any key, value and priority', () => {
    const random = seededRandom(seed)
    const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256))
    for (let round = 0; round < 500; round += 1) {
      const count = Math.floor(random() * 5)
      const delta = {
        elements: Array.from({ length: count }, (_, index) => ({
          key: `/${'ключ🔑'.repeat(index)}`,
          value: bytes(Math.floor(random() * 300))
        })),
        tombstones: Array.from({ length: count }, (_, index) => ({ key: `/t${index}`, id: `/CIQ${index}` })),
        priority: round === 0 ? 2n ** 64n - 1n : BigInt(Math.floor(random() * 2 ** 53))
      }
      expect(decodeDelta(encodeDelta(delta))).toEqual(delta)
      const node = createNode(delta, [])
      expect(decodeNode(node.cid, node.bytes).delta).toEqual(delta)
    }
  })
})

describe('limits of a block', () => {
  const delta = encodeDelta({ elements: [], tombstones: [], priority: 1n })

  test('too large', () => {
    const bytes = new Uint8Array(MAX_BLOCK_BYTES + 1)
    expect(() => decodeNode(cidOf(bytes), bytes)).toThrow(/bytes, more than/)
  })

  test('too many links', () => {
    const Hash = cidOf(delta)
    const Links = Array.from({ length: MAX_LINKS + 1 }, () => ({ Hash, Name: '', Tsize: 0 }))
    const bytes = dagPb.encode({ Data: delta, Links })
    expect(() => decodeNode(cidOf(bytes), bytes)).toThrow(/links, more than/)
  })

  test('a link to what cannot be a block of the store', () => {
    const raw = CID.createV1(0x55, cidOf(delta).multihash)
    const bytes = dagPb.encode({ Data: delta, Links: [{ Hash: raw, Name: '', Tsize: 0 }] })
    expect(() => decodeNode(cidOf(bytes), bytes)).toThrow('cannot be a delta node')
  })

  test('the same link twice counts once', () => {
    const Hash = cidOf(delta)
    const link = { Hash, Name: '', Tsize: 0 }
    const bytes = dagPb.encode({ Data: delta, Links: [link, link] })
    expect(decodeNode(cidOf(bytes), bytes).links).toHaveLength(1)
  })
})
