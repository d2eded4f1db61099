import { generateKeyPair, privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { readFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import type { HostOptions } from './host-options.ts'
import type { Topic, TopicMessage } from './topic.ts'

interface KnownHost {
  readonly id: string
  readonly type: string
  readonly private_key: string
}
const file = new URL('../../testing/vectors/rpc/hosts.json', import.meta.url)
const known = (JSON.parse(await readFile(file, 'utf8')) as { hosts: readonly KnownHost[] }).hosts
const secret = new TextEncoder().encode('throw-away test secret, 32 bytes')

function keyOf(index: number): PrivateKey {
  const host = known[index]
  if (host === undefined) throw new Error('no such host')
  return privateKeyFromProtobuf(Buffer.from(host.private_key, 'base64'))
}

const anywhere = [multiaddr('/ip4/127.0.0.1/tcp/0')]
let running: Host[] = []

async function start(index: number, options: Partial<HostOptions> = {}): Promise<Host> {
  const pubsub = { heartbeatIntervalMs: 200 }
  // A machine that runs everything else at the same time may take its time for a handshake.
  const base = { privateKey: keyOf(index), secret, listen: anywhere, pubsub, dialPeerTimeoutMs: 20_000 }
  const host = await createHost({ ...base, ...options })
  running.push(host)
  return host
}

function addressOf(host: Host): Multiaddr {
  const [address] = host.addresses()
  if (address === undefined) throw new Error('the host has no address')
  return address
}

/** Connects two hosts and waits until both know. */
async function introduce(from: Host, to: Host): Promise<void> {
  const arrived = Promise.withResolvers<undefined>()
  const off = new AbortController()
  to.libp2p.addEventListener(
    'peer:connect',
    ({ detail }) => {
      if (detail.equals(from.peerId)) arrived.resolve(undefined)
    },
    off
  )
  try {
    await from.connect(await from.importAddress(addressOf(to), { dial: false }))
    await arrived.promise
  } finally {
    off.abort()
  }
}

async function subscribed(topic: Topic): Promise<void> {
  if (topic.subscribers().length > 0) return
  await new Promise<void>((resolve) => {
    const off = topic.onSubscribed(() => {
      off()
      resolve()
    })
  })
}

async function next(topic: Topic): Promise<TopicMessage> {
  for await (const message of topic.messages()) return message
  throw new Error('the topic ended')
}

afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
})

describe('gossip', () => {
  it('reaches other hosts and the own one, in order', async () => {
    const [a, b] = await Promise.all([start(0), start(1)])
    const [there, here] = [a.subscribe('metrics'), b.subscribe('metrics')]
    await introduce(a, b)
    await Promise.all([subscribed(there), subscribed(here)])
    for (let value = 1; value <= 3; value += 1) await there.publish(Uint8Array.of(value))
    for (const topic of [there, here]) {
      for (let value = 1; value <= 3; value += 1) {
        const message = await next(topic)
        expect([...message.data]).toEqual([value])
        expect(message.from.equals(a.peerId)).toBe(true)
      }
    }
    expect(there.subscribers().map(String)).toEqual([b.peerId.toString()])
  })

  it('passes on only what the validator takes, by signer', async () => {
    const [a, b, c] = await Promise.all([start(0), start(1), start(2)])
    const trusted = (from: { toString(): string }): boolean => from.toString() !== a.peerId.toString()
    const [ta, tb, tc] = [a.subscribe('heads'), b.subscribe('heads', trusted), c.subscribe('heads')]
    await introduce(a, b)
    await introduce(c, b)
    await Promise.all([ta, tb, tc].map(subscribed))
    await ta.publish(Uint8Array.of(1)) // b refuses it, so c, which sees only b, never hears it
    await tb.publish(Uint8Array.of(2))
    expect([...(await next(tb)).data]).toEqual([2])
    expect([...(await next(tc)).data]).toEqual([2])
  })

  it('publishes to nobody without an error, and refuses what does not fit into a frame', async () => {
    const topic = (await start(0)).subscribe('alone')
    await topic.publish(Uint8Array.of(1))
    expect([...(await next(topic)).data]).toEqual([1])
    await expect(topic.publish(new Uint8Array(832 * 1024 + 1))).rejects.toMatchObject({ code: 'message_too_large' })
  })

  it('carries the largest message', async () => {
    const [a, b] = await Promise.all([start(0), start(1)])
    const [there, here] = [a.subscribe('big'), b.subscribe('big')]
    await introduce(a, b)
    await subscribed(there)
    await there.publish(new Uint8Array(832 * 1024).fill(4))
    expect((await next(here)).data.length).toBe(832 * 1024)
  })

  it('reaches more peers behind one address than the library would put up with', async () => {
    const centre = await start(0)
    const middle = centre.subscribe('t')
    const leaves = await Promise.all(
      Array.from({ length: 15 }, async () => {
        const leaf = await start(0, { privateKey: await generateKeyPair('Ed25519') })
        const topic = leaf.subscribe('t')
        await introduce(leaf, centre)
        return topic
      })
    )
    await Promise.all([middle, ...leaves].map(subscribed))
    while (middle.subscribers().length < leaves.length) await new Promise((resolve) => setImmediate(resolve))
    await leaves[0]?.publish(Uint8Array.of(1))
    for (const topic of leaves) expect([...(await next(topic)).data]).toEqual([1])
  })

  it('connects anew when the stream to a peer ended', async () => {
    const [a, b] = await Promise.all([start(0), start(1)])
    const [there, here] = [a.subscribe('t'), b.subscribe('t')]
    await introduce(a, b)
    await subscribed(there)
    const stream = a.libp2p
      .getConnections(b.peerId)
      .flatMap((connection) => connection.streams)
      .find(({ direction, protocol }) => direction === 'outbound' && protocol.startsWith('/meshsub/'))
    if (stream === undefined) throw new Error('no gossip stream')
    const again = new Promise((resolve) => {
      b.libp2p.addEventListener('peer:connect', resolve, { once: true })
    })
    stream.abort(new Error('test'))
    await again
    await subscribed(there)
    await there.publish(Uint8Array.of(5))
    expect([...(await next(here)).data]).toEqual([5])
  })

  it('lets the oldest give way and counts them', async () => {
    const told: number[] = []
    const topic = (await start(0)).subscribe('t', undefined, (sum) => told.push(sum))
    for (let value = 0; value < 1030; value += 1) await topic.publish(Uint8Array.of(value & 0xff))
    expect(topic.dropped).toBe(6)
    expect(told).toEqual([1, 2, 3, 4, 5, 6])
    expect([...(await next(topic)).data]).toEqual([6])
  })

  it('has one reader, which an abort or leaving ends', async () => {
    const host = await start(0)
    const topic = host.subscribe('t')
    expect(() => host.subscribe('t')).toThrow('subscribed already')
    const abort = new AbortController()
    const reading = topic.messages({ signal: abort.signal })[Symbol.asyncIterator]()
    const pending = reading.next()
    await expect(next(topic)).rejects.toMatchObject({ code: 'reader_in_use' })
    abort.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    const rest = topic.messages()[Symbol.asyncIterator]()
    const last = rest.next()
    topic.unsubscribe()
    expect((await last).done).toBe(true)
    await expect(topic.publish(Uint8Array.of(1))).rejects.toMatchObject({ code: 'topic_unavailable' })
    host.subscribe('t').unsubscribe()
  })
})
