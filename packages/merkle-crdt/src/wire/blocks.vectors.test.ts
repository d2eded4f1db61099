import { readFileSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { blockIdOf } from './block-id.ts'
import { createNode, decodeNode } from './node.ts'

interface BlockVector {
  scenario: string
  author: string
  cid: string
  id: string
  bytes: string
  priority: number
  parents: string[]
  elements: { key: string; value: string }[]
  tombstones: { key: string; id: string }[]
}
function read(name: string): unknown {
  const file = new URL(`../../../testing/vectors/crdt/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** The version 1 form, in which parents are handled. */
const v1 = (text: string): string => CID.parse(text).toV1().toString()

const { blocks } = read('blocks') as { blocks: BlockVector[] }

describe('crdt/blocks.json', () => {
  test('there are 105 blocks, 77 of them by Go', () => {
    expect(blocks).toHaveLength(105)
    expect(blocks.filter(({ author }) => author === 'go')).toHaveLength(77)
  })

  test.each(blocks.map((block, index) => ({ name: `${index} ${block.scenario}`, block })))(
    'decodes $name',
    ({ block }) => {
      const node = decodeNode(CID.parse(block.cid), fromHex(block.bytes))
      expect(node.id).toBe(block.id)
      expect(blockIdOf(node.cid)).toBe(block.id)
      expect(node.delta.priority).toBe(BigInt(block.priority))
      expect(node.links.map(String).sort()).toEqual(block.parents.map(v1).sort())
      expect(node.delta.elements.map(({ key, value }) => ({ key, value: toHex(value) }))).toEqual(
        block.elements.map(({ key, value }) => ({ key, value }))
      )
      expect(node.delta.tombstones).toEqual(block.tombstones.map(({ key, id }) => ({ key, id })))
    }
  )

  test('encodes every block again, but for the one with unknown fields and those with a CIDv0 parent', () => {
    const different: string[] = []
    for (const block of blocks) {
      const { delta } = decodeNode(CID.parse(block.cid), fromHex(block.bytes))
      const node = createNode(
        delta,
        block.parents.map((parent) => CID.parse(parent))
      )
      if (toHex(node.bytes) !== block.bytes || node.cid.toString() !== block.cid) different.push(block.scenario)
    }
    expect(different).toHaveLength(1)
  })

  test('a changed byte is found by the hash', () => {
    for (const block of blocks) {
      const bytes = fromHex(block.bytes)
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      expect(() => decodeNode(CID.parse(block.cid), bytes)).toThrow('another hash')
    }
  })
})

describe('crdt/batching.json', () => {
  const { scenes } = read('batching') as { scenes: { name: string; blocks: { cid: string; hex: string }[] }[] }
  test.each(scenes)('reads the blocks of: $name', ({ blocks: made }) => {
    for (const { cid, hex } of made) {
      const node = decodeNode(CID.parse(cid), fromHex(hex))
      expect(node.delta.priority).toBeGreaterThan(0n)
      expect(createNode(node.delta, node.links).cid.toString()).toBe(cid)
    }
  })
})
