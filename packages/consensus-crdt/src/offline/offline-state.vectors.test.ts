import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { itemsOf, pinOf, type Pin } from '@cluster/api'
import { MemoryDatastore, testContext } from '@cluster/testing'
import { parseJson, pinForm } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import crdt, { crdtConfig } from '../index.ts'

interface Batching {
  import: { import_lines: string[]; block: { cid: string; hex: string } }
  import_boundary: { blocks: { cid: string; size: number; priority: number }[] }
}
const file = new URL('../../../testing/vectors/crdt/batching.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Batching

async function imported(pins: readonly Pin[]): Promise<{ datastore: MemoryDatastore; blocks: [string, number][] }> {
  const datastore = new MemoryDatastore()
  const offline = crdt.offline?.({ ...testContext(), datastore }, crdtConfig.defaults)
  if (offline === undefined) throw new Error('no offline state')
  async function* pages(): AsyncGenerator<readonly Pin[]> {
    for (const pin of pins) yield await Promise.resolve([pin])
  }
  await offline.import(pages(), {})
  const blocks: [string, number][] = []
  for await (const { value } of datastore.query({ prefix: '/c/b/blocks/' })) {
    const digest = Digest.create(0x12, hash('sha256', value, 'buffer'))
    blocks.push([CID.createV1(0x70, digest).toString(), value.length])
  }
  const exported: string[] = []
  for await (const pin of itemsOf(offline.export({}))) exported.push(pin.cid.toString())
  expect(exported.sort()).toEqual([...new Set(pins.map(({ cid }) => cid.toString()))].sort())
  return { datastore, blocks }
}

test('an import makes the block of the Go peer', async () => {
  const { cid, hex } = vectors.import.block
  const { blocks } = await imported(vectors.import.import_lines.map((line) => pinForm.json.read(parseJson(line))))
  expect(blocks).toEqual([[cid, hex.length / 2]])
})

/** A busy machine takes its time for 3 MiB. */
const LARGE_TIMEOUT_MS = 60_000

test('an import above 1 MiB makes the blocks of the Go peer', { timeout: LARGE_TIMEOUT_MS }, async () => {
  const timestamp = BigInt(Date.parse('2025-03-04T05:06:07Z')) * 1_000_000n
  const pins = Array.from({ length: 3200 }, (_, index) => {
    const digest = Digest.create(0x12, hash('sha256', `m${index}`, 'buffer'))
    const name = 'N'.repeat(600 + (index % 7))
    return pinOf(CID.createV1(0x55, digest), { name, timestamp, replicationFactorMin: -1, replicationFactorMax: -1 })
  })
  const { blocks } = await imported(pins)
  const expected = vectors.import_boundary.blocks.map(({ cid, size }) => [cid, size])
  expect(blocks.sort()).toEqual(expected.sort())
})
