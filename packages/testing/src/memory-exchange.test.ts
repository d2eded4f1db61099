import { hash } from 'node:crypto'
import type { Blocks } from '@cluster/api'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import { MemoryExchangeHub } from './memory-exchange.ts'
import { testPeerId } from './test-peer-id.ts'

function memoryBlocks(): Blocks {
  const blocks = new Map<string, Uint8Array>()
  return {
    has: (cid) => Promise.resolve(blocks.has(cid.toString())),
    get: (cid) => Promise.resolve(blocks.get(cid.toString()) ?? new Uint8Array()),
    size: (cid) => Promise.resolve(blocks.get(cid.toString())?.length),
    put: (stored) => {
      for (const { cid, bytes } of stored) blocks.set(cid.toString(), bytes)
      return Promise.resolve()
    },
    delete: (cid) => {
      blocks.delete(cid.toString())
      return Promise.resolve()
    }
  }
}
function block(text: string): { cid: CID; bytes: Uint8Array } {
  const bytes = new TextEncoder().encode(text)
  return { cid: CID.createV1(0x55, Digest.create(0x12, hash('sha256', bytes, 'buffer'))), bytes }
}

test('a want waits until a peer has the block, and stores it', async () => {
  const hub = new MemoryExchangeHub()
  const a = hub.join(testPeerId(1)).mount('dag', memoryBlocks())
  const stored = memoryBlocks()
  const b = hub.join(testPeerId(2)).mount('dag', stored)
  const one = block('one')
  const wanted = b.get(one.cid)
  await a.put([one])
  expect(await wanted).toEqual(one.bytes)
  expect(await stored.has(one.cid)).toBe(true)
  expect(hub.transferred).toBe(1)
})

test('a want ends with its signal; a cut off peer serves nothing', async () => {
  let isCut = true
  const hub = new MemoryExchangeHub(() => !isCut)
  const a = hub.join(testPeerId(1)).mount('dag', memoryBlocks())
  const b = hub.join(testPeerId(2)).mount('dag', memoryBlocks())
  const one = block('one')
  await a.put([one])
  const controller = new AbortController()
  const wanted = b.get(one.cid, { signal: controller.signal })
  controller.abort()
  await expect(wanted).rejects.toThrow('aborted')
  const again = b.get(one.cid)
  isCut = false
  hub.notify()
  expect(await again).toEqual(one.bytes)
})

test('a name is mounted once', () => {
  const exchange = new MemoryExchangeHub().join(testPeerId(1))
  const service = exchange.mount('dag', memoryBlocks())
  expect(() => exchange.mount('dag', memoryBlocks())).toThrow('already')
  service.unmount()
  exchange.mount('dag', memoryBlocks())
})
