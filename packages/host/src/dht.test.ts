import { closeWrite, readMessages, readStream, writeMessage } from '@cluster/streams'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { createLibp2p } from 'libp2p'
import * as Digest from 'multiformats/hashes/digest'
import { readFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import type { HostOptions } from './host-options.ts'
import { secretProtector } from './protector.ts'

interface Recorded {
  readonly request: string
  readonly response?: string
}
const file = new URL('../../testing/vectors/rpc/dht.json', import.meta.url)
const { messages } = JSON.parse(await readFile(file, 'utf8')) as { messages: readonly Recorded[] }
const lan = '/ipfs/lan/kad/1.0.0'
const secret = new Uint8Array(32).fill(3)

const running: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((stop) => stop()))
})

async function start(options: Partial<HostOptions> = {}): Promise<Host> {
  const privateKey = await generateKeyPair('Ed25519')
  const host = await createHost({ privateKey, secret, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')], ...options })
  running.push(() => host.stop())
  return host
}

/** A node that knows nothing of this package; it answers as a recorded Go peer did. */
async function bareNode(answer?: Uint8Array): Promise<Libp2p> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionProtector: () => secretProtector(secret),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() }
  })
  running.push(async () => {
    await node.stop()
  })
  if (answer !== undefined) {
    await node.handle(lan, async (stream) => {
      const questions = readMessages(readStream(stream), { maxLength: 64 * 1024 })
      while ((await questions.next()).done !== true) await writeMessage(stream, answer)
    })
  }
  return node
}

async function introduce(from: Host, to: { peerId: PeerId; addresses(): readonly ReturnType<typeof multiaddr>[] }) {
  const [address] = to.addresses()
  if (address === undefined) throw new Error('no address')
  await from.connect(await from.importAddress(address, { dial: false }))
}

/** Tables fill in the background: asks until there is an answer. */
async function untilItWorks<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

async function send(node: Libp2p, host: Host, request: Uint8Array): Promise<Stream> {
  const [address] = host.addresses()
  const stream = await node.dialProtocol(address ?? expect.unreachable('no address'), lan)
  await writeMessage(stream, request)
  return stream
}

async function ask(node: Libp2p, host: Host, request: Uint8Array): Promise<Uint8Array> {
  const stream = await send(node, host, request)
  for await (const answer of readMessages(readStream(stream), { maxLength: 64 * 1024 })) {
    await closeWrite(stream)
    return answer
  }
  throw new Error('no answer')
}

const answered = messages.find(({ response }) => response !== undefined) ?? expect.unreachable('an answer')
const hex = (text = ''): Uint8Array => Buffer.from(text, 'hex')

describe('the DHTs', () => {
  it('are announced as a Go peer without a public address announces them', async () => {
    const protocols = (await start()).libp2p.getProtocols()
    expect(protocols).toContain(lan)
    expect(protocols).not.toContain('/ipfs/kad/1.0.0')
  })

  it('find the address of a member through a peer that knows it', async () => {
    const [a, b, c] = await Promise.all([start(), start(), start()])
    await introduce(a, b)
    await introduce(c, b)
    await untilItWorks(() => a.connect(c.peerId))
    expect(a.libp2p.getConnections(c.peerId)).toHaveLength(1)
  })

  it('are refreshed: a peer learns of those that another knows', async () => {
    const [a, b, c] = await Promise.all([start(), start(), start()])
    await introduce(c, b)
    await introduce(a, b)
    const infos = await untilItWorks(async () => {
      await a.refreshRouting({})
      const known = await a.peerInfos([c.peerId])
      if (known.length === 0) throw new Error('not yet')
      return known
    })
    expect(infos[0]?.addresses.map(String)).toEqual(
      c.addresses().map((address) => address.decapsulateCode(421).toString())
    )
  })

  it('answer the recorded questions of Go peers', async () => {
    const [host, other] = await Promise.all([start(), start()])
    await introduce(other, host)
    const node = await bareNode()
    for (const { request } of messages) {
      const answer = await ask(node, host, hex(request))
      // FIND_NODE, like the question.
      expect(Buffer.from(answer).subarray(0, 2).toString('hex')).toBe('0804')
    }
    // Asked for a peer that it knows, it tells of it, loopback addresses included.
    const id = other.peerId.toMultihash().bytes
    const found = Buffer.from(
      await ask(node, host, Buffer.concat([hex('080412'), Buffer.from([id.length]), id, hex('5001')]))
    )
    expect(found.toString('hex')).toContain(Buffer.from(id).toString('hex'))
    const [address] = other.addresses()
    expect(found.toString('hex')).toContain(Buffer.from(address?.decapsulateCode(421).bytes ?? []).toString('hex'))
    expect(address).toBeDefined()
  })

  it('understand the recorded answer of a Go peer', async () => {
    const node = await bareNode(hex(answered.response))
    const host = await start()
    await introduce(host, { peerId: node.peerId, addresses: () => node.getMultiaddrs() })
    const wanted = peerIdFromMultihash(Digest.decode(hex(answered.request).subarray(4, -2)))
    const { multiaddrs } = await untilItWorks(() => host.libp2p.peerRouting.findPeer(wanted))
    expect(multiaddrs.map(String)).toEqual(['/ip4/127.0.0.1/tcp/21030', '/ip4/127.0.0.1/tcp/21031/ws'])
  })

  it('keep records of others in the given store, below /dht', async () => {
    const datastore = new MemoryDatastore()
    const host = await start({ datastore })
    const node = await bareNode()
    const key = hex(`1220${'ab'.repeat(32)}`)
    const id = node.peerId.toMultihash().bytes
    const provider = Buffer.concat([hex('0a'), Buffer.from([id.length]), id, hex('1208'), hex('047f000001060fa1')])
    // Nobody answers this one.
    await send(
      node,
      host,
      Buffer.concat([
        hex('080212'),
        Buffer.from([key.length]),
        key,
        hex('4a'),
        Buffer.from([provider.length]),
        provider
      ])
    )
    const keys = await untilItWorks(async () => {
      const found: string[] = []
      for await (const one of datastore.queryKeys({})) found.push(one.toString())
      if (found.length === 0) throw new Error('not yet')
      return found
    })
    expect(keys).toEqual([expect.stringMatching(/^\/dht\/lan\//)])
  })
})
