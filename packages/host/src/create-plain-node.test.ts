import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, it } from 'vitest'
import { createPlainNode, type PlainNodeOptions } from './index.ts'

const nodes: Libp2p[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop()
})
const start = async (options: PlainNodeOptions = {}): Promise<Libp2p> => {
  const node = await createPlainNode(options)
  nodes.push(node)
  return node
}
const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]

it('has its identity, and serves nothing but what is handled on it', async () => {
  const privateKey = await generateKeyPair('Ed25519')
  const server = await start({ privateKey, listen })
  expect(privateKey.publicKey.equals(server.peerId.publicKey)).toBe(true)
  await server.handle('/test/1', (stream) => stream.close())
  const client = await start()
  await client.dialProtocol(server.getMultiaddrs(), '/test/1')
  expect(client.getMultiaddrs()).toEqual([])
  const served = server.getProtocols()
  expect(served).toContain('/test/1')
  expect(served.filter((protocol) => /sub|kad|autonat/.test(protocol))).toEqual([])
})

it('talks with those who have the same secret', async () => {
  const secret = new Uint8Array(32).fill(1)
  const server = await start({ secret, listen })
  await server.handle('/test/1', (stream) => stream.close())
  const member = await start({ secret })
  await member.dialProtocol(server.getMultiaddrs(), '/test/1')
  const stranger = await start({ secret: new Uint8Array(32).fill(2), dialPeerTimeoutMs: 300 })
  await expect(stranger.dialProtocol(server.getMultiaddrs(), '/test/1')).rejects.toThrow()
})

it('says why it cannot listen', async () => {
  const server = await start({ listen })
  const port = /tcp\/(\d+)/.exec(String(server.getMultiaddrs()[0]))?.[1] ?? ''
  await expect(createPlainNode({ listen: [multiaddr(`/ip4/127.0.0.1/tcp/${port}`)] })).rejects.toMatchObject({
    code: 'listen_failed'
  })
})
