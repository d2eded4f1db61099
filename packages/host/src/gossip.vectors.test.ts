import { closeWrite, writeMessage } from '@cluster/streams'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import { messageId } from './gossip.ts'
import { secretProtector } from './protector.ts'

interface RecordedMessage {
  /** The sender of a metric is the peer that it is about. */
  readonly metric: { readonly peer: string }
  readonly seqno: string
  readonly data: string
  readonly message: string
  readonly message_id: string
}
const file = new URL('../../testing/vectors/rpc/metrics.json', import.meta.url)
const { messages } = JSON.parse(await readFile(file, 'utf8')) as { messages: readonly RecordedMessage[] }

interface RecordedFrame {
  readonly dir: string
  readonly frame: string
}
const frameFile = new URL('../../testing/vectors/rpc/gossipsub-frames.json', import.meta.url)
const { frames } = JSON.parse(await readFile(frameFile, 'utf8')) as { frames: readonly RecordedFrame[] }

describe('frames of recorded Go peers', () => {
  it('are understood, with the fields that nobody knows: subscriptions, control messages, a message', async () => {
    const secret = new Uint8Array(32).fill(7)
    const privateKey = await generateKeyPair('Ed25519')
    const host = await createHost({ privateKey, secret, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')] })
    const topics = ['monitor.metrics', 'fzhnp2UwTBkgNabrJi1VanzwgN'].map((name) => host.subscribe(name))
    const [metrics] = topics
    const bare = await createLibp2p({
      transports: [tcp()],
      connectionProtector: () => secretProtector(secret),
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    try {
      const subscribed = Promise.all(
        topics.map((topic) => new Promise<PeerId>((resolve) => topic.onSubscribed(resolve)))
      )
      const stream = await (await bare.dial([...host.addresses()])).newStream('/meshsub/1.2.0')
      const fromGo = frames.filter(({ dir }) => dir === 'from Go')
      for (const { frame: bytes } of fromGo) await writeMessage(stream, Buffer.from(bytes, 'hex'))
      expect((await subscribed).map(String)).toEqual(topics.map(() => bare.peerId.toString()))
      for await (const { from, data } of metrics?.messages() ?? expect.unreachable('a topic')) {
        const published = fromGo.find(({ frame: bytes }) => bytes.startsWith('12'))?.frame
        expect(published).toContain(Buffer.from(data).toString('hex'))
        expect(published).toContain(Buffer.from(from.toMultihash().bytes).toString('hex'))
        break
      }
      expect(stream.status).toBe('open')
    } finally {
      await bare.stop()
      await host.stop()
    }
  })
})

describe('messages of recorded Go peers', () => {
  it.each(messages)('have the same id here: $seqno', ({ metric, seqno, message_id: id }) => {
    const peer = peerIdFromString(metric.peer)
    expect(Buffer.from(messageId(peer, BigInt(`0x${seqno}`))).toString('hex')).toBe(id)
  })

  it('are taken when signed, by a peer that knows only Noise, and dropped when altered', async () => {
    const secret = new Uint8Array(32).fill(8)
    const privateKey = await generateKeyPair('Ed25519')
    const host = await createHost({ privateKey, secret, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')] })
    const topic = host.subscribe('monitor.metrics')
    const bare = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionProtector: () => secretProtector(secret),
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    try {
      const connection = await bare.dial([...host.addresses()])
      expect(connection.encryption).toBe('/noise')
      const stream = await connection.newStream('/meshsub/1.2.0')
      for (const { message } of messages) {
        const good = Buffer.from(message, 'hex')
        const bad = Buffer.from(good)
        const at = bad.indexOf('monitor.metrics') - 4 // inside the sequence number
        bad.writeUInt8(bad.readUInt8(at) ^ 1, at)
        for (const bytes of [bad, good]) await writeMessage(stream, frame(bytes))
      }
      await closeWrite(stream)
      const taken: string[] = []
      for await (const { data } of topic.messages()) {
        taken.push(Buffer.from(data).toString('hex'))
        if (taken.length === messages.length) break
      }
      expect(new Set(taken)).toEqual(new Set(messages.map(({ data }) => data)))
    } finally {
      await bare.stop()
      await host.stop()
    }
  })

  it('could come from a peer that has to be dialled with Noise', async () => {
    const secret = new Uint8Array(32).fill(9)
    const privateKey = await generateKeyPair('Ed25519')
    const host = await createHost({ privateKey, secret, listen: [] })
    const bare = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionProtector: () => secretProtector(secret),
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    try {
      for (const address of bare.getMultiaddrs()) await host.importAddress(address, { dial: false })
      await host.connect(bare.peerId)
      expect(host.libp2p.getConnections(bare.peerId).map(({ encryption }) => encryption)).toEqual(['/noise'])
    } finally {
      await bare.stop()
      await host.stop()
    }
  })
})

/** A pubsub RPC with one published message (field 2). */
function frame(message: Uint8Array): Uint8Array {
  const length = message.length
  if (length < 0x80) return Buffer.concat([Uint8Array.of(0x12, length), message])
  return Buffer.concat([Uint8Array.of(0x12, (length & 0x7f) | 0x80, length >> 7), message])
}
