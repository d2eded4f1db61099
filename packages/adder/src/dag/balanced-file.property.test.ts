import { addTo, MemoryAddTarget } from '@cluster/testing'
import fc from 'fast-check'
import { importFile } from 'ipfs-unixfs-importer'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { expect, it } from 'vitest'
import { createAdder } from '../index.ts'

/** Content in which hardly two chunks are alike. */
function contentOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 1
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[index] = state >>> 16
  }
  return bytes
}

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve()
    yield bytes.slice(at, at + size)
  }
}

it('makes the DAG that the importer of js-ipfs makes, however the bytes come in', async () => {
  const shape = fc.record({
    length: fc.integer({ min: 0, max: 40_000 }),
    chunkSize: fc.integer({ min: 20, max: 2000 }),
    partSize: fc.integer({ min: 1, max: 5000 }),
    cidVersion: fc.constantFrom(0 as const, 1 as const),
    rawLeaves: fc.boolean()
  })
  const property = fc.asyncProperty(shape, async ({ length, chunkSize, partSize, cidVersion, rawLeaves }) => {
    const bytes = contentOf(length)
    const chunker = fixedSize({ chunkSize })
    const layout = balanced({ maxChildrenPerNode: 174 })
    const blocks = new Map<string, number>()
    const store = {
      put: (cid: { toString(): string }, block: Uint8Array) => {
        blocks.set(cid.toString(), block.length)
        return Promise.resolve(cid)
      }
    }
    const options = { chunker, layout, cidVersion, rawLeaves, reduceSingleLeafToSelf: true, leafType: 'file' as const }
    const expected = await importFile({ content: bytes }, store as never, options)
    const target = new MemoryAddTarget()
    const entry = { type: 'file', path: 'f', content: inParts(bytes, partSize) } as const
    const params = { chunker: `size-${chunkSize}`, cidVersion, rawLeaves }
    const { root, events } = await addTo(createAdder(), target, [entry], params)
    expect(root.toString()).toBe(expected.cid.toString())
    expect(events[0]?.size).toBe(expected.size)
    const sent = target.blocksOf(target.self).map(({ cid, data }): [string, number] => [cid.toString(), data.length])
    expect(new Map(sent)).toEqual(blocks)
  })
  await fc.assert(property, { numRuns: 60 })
})
