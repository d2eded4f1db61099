import { createHash } from 'node:crypto'
import { type Block } from '@cluster/api'
import { blockNodes } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { blockOf, setUp } from '../kubo.fixture.ts'

describe('blocks of KuboIpfs', () => {
  it('IP-10, IP-11: sends blocks of one hash function in one request, those of another in the next', async () => {
    const { kubo, ipfs } = await setUp()
    const bytes = new TextEncoder().encode('sha-512')
    const sha512 = digest.create(0x13, new Uint8Array(createHash('sha512').update(bytes).digest()))
    const long: Block = { cid: CID.createV1(0x55, sha512), bytes }
    const v0: Block = { ...blockOf('v0'), cid: CID.createV1(0x70, blockOf('v0').cid.multihash).toV0() }
    const blocks = [v0, blockOf('1'), long, blockOf('2')]
    await ipfs.blockStream(blockNodes(...blocks), {})
    expect(kubo.calls).toEqual([
      'block/put?allow-big-block=true&cid-codec=dag-pb&mhlen=32&mhtype=sha2-256&pin=false',
      'block/put?allow-big-block=true&cid-codec=raw&mhlen=64&mhtype=sha2-512&pin=false',
      'block/put?allow-big-block=true&cid-codec=raw&mhlen=32&mhtype=sha2-256&pin=false'
    ])
    for (const block of blocks)
      expect(Buffer.from(await ipfs.blockGet(block.cid, {}))).toEqual(Buffer.from(block.bytes))
  })

  it('refuses a stream without blocks; sends nothing for blocks that their CIDs hold', async () => {
    const { kubo, ipfs } = await setUp()
    await expect(ipfs.blockStream(blockNodes(), {})).rejects.toThrow('BlockStream: no blocks to peek in blocks channel')
    const bytes = new TextEncoder().encode('inline')
    await ipfs.blockStream(blockNodes({ cid: CID.createV1(0x55, digest.create(0, bytes)), bytes }), {})
    expect(kubo.calls).toEqual([])
  })
})
