import { testBlock } from '@cluster/testing'
import { expect, it } from 'vitest'
import { decodeMessage, encodeMessage, parseCid, prefixOf, PROTOCOLS, protocolTraits } from './wire.ts'

it('reads what it writes, in each version of the protocol, without an engine', () => {
  const { cid, bytes } = testBlock('a block')
  const wire = parseCid(cid.bytes)
  if (wire === undefined) throw new Error('no CID')
  const read = PROTOCOLS.map((protocol) => {
    const { supportsHave, prefixedBlocks } = protocolTraits(protocol)
    const blocks = [{ prefix: prefixOf(wire), data: bytes }]
    const presences = [{ cid: cid.bytes, type: 'dont-have' as const }]
    const message = decodeMessage(encodeMessage({ blocks, presences }, prefixedBlocks).subarray())
    expect(message.blocks[0]?.data).toEqual(bytes)
    return [protocol, supportsHave, message.blocks[0]?.prefix.codec, message.presences[0]?.type]
  })
  expect(read).toEqual([
    ['/ipfs/bitswap/1.2.0', true, 0x55, 'dont-have'],
    ['/ipfs/bitswap/1.1.0', false, 0x55, 'dont-have'],
    ['/ipfs/bitswap/1.0.0', false, 0x70, undefined],
    ['/ipfs/bitswap', false, 0x70, undefined]
  ])
})
