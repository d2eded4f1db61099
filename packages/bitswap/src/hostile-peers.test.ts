import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PeerId } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { closeWrite, readMessages, readStream, writeMessage } from '@cluster/streams'
import { MemoryBlocks, testBlock } from '@cluster/testing'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { type Bitswap, createBitswap } from './index.ts'
import { MAX_FRAME_BYTES, PROTOCOL_120 } from './wire/constants.ts'
import { decodeMessage } from './wire/decode.ts'
import { encodeMessage } from './wire/encode.ts'
import type { OutgoingMessage, WantlistEntry } from './wire/message.ts'

interface Peer {
  libp2p: Libp2p
  blocks: MemoryBlocks
  bitswap: Bitswap
}

const running: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop()
})

async function host(): Promise<Libp2p> {
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({ streamOptions: { maxStreamWindowSize: 2 * 1024 * 1024, maxReadBufferLength: 8 * 1024 * 1024 } })
    ],
    services: { identify: identify() },
    connectionManager: { inboundConnectionThreshold: Infinity }
  })
  running.push(async () => {
    await libp2p.stop()
  })
  return libp2p
}

async function peer(): Promise<Peer> {
  const libp2p = await host()
  const blocks = new MemoryBlocks()
  const bitswap = createBitswap({ libp2p, blockstore: blocks })
  await bitswap.start()
  running.push(async () => {
    await bitswap.stop()
  })
  return { libp2p, blocks, bitswap }
}

function available(at: Peer, other: Pick<Peer, 'libp2p'>): Promise<void> {
  return new Promise((resolve) => {
    at.bitswap.addEventListener('peer:available', (event) => {
      if (event.detail.equals(other.libp2p.peerId)) resolve()
    })
  })
}

function lost(at: Peer): Promise<PeerId> {
  return new Promise((resolve) => {
    at.bitswap.addEventListener('peer:unavailable', (event) => {
      resolve(event.detail)
    })
  })
}

/** Resolves when it holds; looked at again with each turn of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

interface Scripted {
  libp2p: Libp2p
  /** How many were opened to it. */
  streams: () => number
  /** Resolves when the peer is asked for something. */
  nextEntry(): Promise<WantlistEntry>
  send(to: Peer, message: OutgoingMessage): Promise<void>
}

/** A peer that says what the test tells it to say, and resets the first streams that it is opened. */
async function scripted(resets = 0): Promise<Scripted> {
  const libp2p = await host()
  const listeners: ((entry: WantlistEntry) => void)[] = []
  let streams = 0
  await libp2p.handle(PROTOCOL_120, async (stream) => {
    streams += 1
    if (streams <= resets) {
      stream.abort(new Error('no'))
      return
    }
    const messages = readMessages(readStream(stream), { maxLength: MAX_FRAME_BYTES })
    for await (const body of messages) {
      for (const entry of decodeMessage(body).entries) listeners.shift()?.(entry)
    }
  })
  return {
    libp2p,
    streams: () => streams,
    nextEntry: () =>
      new Promise((resolve) => {
        listeners.push(resolve)
      }),
    send: async (to, message) => {
      const stream = await libp2p.dialProtocol(to.libp2p.peerId, PROTOCOL_120)
      await writeMessage(stream, encodeMessage(message))
      await closeWrite(stream)
    }
  }
}

describe('a hostile peer', () => {
  it('does not get wrong bytes in', async () => {
    const [good, victim] = [await peer(), await peer()]
    const hostile = await scripted()
    const [one, other] = [testBlock(new Uint8Array(5000).fill(1)), testBlock(new Uint8Array(5000).fill(2))]
    const asked = hostile.nextEntry()
    const connected = available(victim, hostile)
    await hostile.libp2p.dial(victim.libp2p.getMultiaddrs())
    await connected
    const wanted = victim.bitswap.wantBlock(one.cid)
    await asked
    await hostile.send(victim, {
      blocks: [
        { prefix: one.cid.bytes.subarray(0, 4), data: other.bytes },
        { prefix: Uint8Array.of(1, 0x55, 0, 5), data: one.bytes.subarray(0, 5) }
      ]
    })
    await until(() => victim.bitswap.stat().blocksReceived === 1)
    expect([...victim.bitswap.wantlist()].length).toBe(1)
    await good.blocks.put([one])
    const found = available(victim, good)
    await good.libp2p.dial(victim.libp2p.getMultiaddrs())
    await found
    await hostile.send(victim, { presences: [{ cid: one.cid.bytes, type: 'dont-have' }] })
    const received = await wanted
    expect(received.bytes).toEqual(one.bytes)
    expect(received.from?.equals(good.libp2p.peerId)).toBe(true)
  })

  it('loses its stream for bytes that are no message, and nothing else', async () => {
    const victim = await peer()
    const hostile = await scripted()
    const connection = await hostile.libp2p.dial(victim.libp2p.getMultiaddrs())
    const stream = await connection.newStream(PROTOCOL_120)
    const closed = new Promise((resolve) => {
      stream.addEventListener('close', resolve)
    })
    stream.send(Uint8Array.of(3, 0x0a, 0x7f, 0x0a))
    await closed
    expect(stream.status).toBe('reset')
    expect(connection.status).toBe('open')
  })
})

describe('a peer that resets our streams', () => {
  async function resetting(
    times: number
  ): Promise<{ asker: Peer; asked: Promise<WantlistEntry>; streams: () => number }> {
    const asker = await peer()
    const other = await scripted(times)
    const asked = other.nextEntry()
    const connected = available(asker, other)
    await other.libp2p.dial(asker.libp2p.getMultiaddrs())
    await connected
    return { asker, asked, streams: other.streams }
  }

  it('is asked again on a new one', async () => {
    const { asker, asked, streams } = await resetting(2)
    const abort = new AbortController()
    const wanted = asker.bitswap.want(testBlock('one').cid, abort)
    expect((await asked).type).toBe('block')
    expect(streams()).toBe(3)
    abort.abort(new Error('done'))
    await expect(wanted).rejects.toThrow('done')
  })

  it('is left alone after three, and asked again when it answers', async () => {
    const { asker, asked, streams } = await resetting(3)
    const left = lost(asker)
    const abort = new AbortController()
    const wanted = asker.bitswap.want(testBlock('one').cid, abort)
    await left
    expect(streams()).toBe(3)
    expect([...asker.bitswap.peers()]).toEqual([])
    await asked
    expect([...asker.bitswap.peers()].length).toBe(1)
    abort.abort(new Error('done'))
    await expect(wanted).rejects.toThrow('done')
  })
})
