import { generateKeyPair, privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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
let folder = ''

async function start(index: number, options: Partial<HostOptions> = {}): Promise<Host> {
  const pubsub = { heartbeatIntervalMs: 200 }
  const host = await createHost({ privateKey: keyOf(index), secret, listen: anywhere, pubsub, ...options })
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

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cluster-host-'))
})
afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
  await rm(folder, { recursive: true })
})

describe('identity', () => {
  it.each(known)('of recorded peers: $type $id', async ({ id, type, private_key: key }) => {
    const privateKey = privateKeyFromProtobuf(Buffer.from(key, 'base64'))
    if (type === 'ECDSA') {
      await expect(createHost({ privateKey, listen: [] })).rejects.toMatchObject({ code: 'bad_option' })
      return
    }
    const host = await createHost({ privateKey, listen: [] })
    running.push(host)
    expect(host.peerId.toString()).toBe(id)
  })
})

describe('connections', () => {
  it('work between hosts of one secret, with TLS between two of ours', async () => {
    const [a, b] = await Promise.all([start(0), start(1)])
    await introduce(a, b)
    expect(a.libp2p.getConnections(b.peerId).map(({ encryption, multiplexer }) => [encryption, multiplexer])).toEqual([
      ['/tls/1.0.0', '/yamux/1.0.0']
    ])
  })

  it('never come about with another secret, or with none on either side, and the error says so', async () => {
    const [ours, other, open] = await Promise.all([
      start(0),
      start(1, { secret: new Uint8Array(32).fill(1) }),
      createHost({ privateKey: keyOf(2), listen: anywhere })
    ])
    running.push(open)
    for (const [from, to] of [
      [ours, other],
      [other, ours],
      [ours, open]
    ] as const) {
      const error = await introduce(from, to).then(
        () => undefined,
        (reason: unknown) => reason as Error & { code: string }
      )
      expect(['wrong_secret', 'dial_failed']).toContain(error?.code)
      expect(error?.message).toContain(to.peerId.toString())
      expect(error?.message).toMatch(/secret/)
    }
    await expect(introduce(open, ours)).rejects.toMatchObject({ code: 'dial_failed' })
    for (const host of [ours, other, open]) expect(host.libp2p.getConnections()).toEqual([])
  })

  it('carry 8 MiB written at once, and a slow reader holds the writer back', async () => {
    const [a, b] = await Promise.all([start(0), start(1)])
    const served = new Promise<Stream>((resolve) => {
      void b.libp2p.handle('/test/1', resolve)
    })
    await introduce(a, b)
    const stream = await a.libp2p.dialProtocol(b.peerId, '/test/1')
    const total = 24 * 1024 * 1024
    let written = 0
    const writing = (async () => {
      for (const size of [8, 8, 8]) {
        await writeStream(stream, new Uint8Array(size * 1024 * 1024).fill(9))
        written += size * 1024 * 1024
      }
      await closeWrite(stream)
    })()
    const reader = readStream(await served, { highWaterMark: 64 * 1024 })
    let read = (await reader.next()).value?.byteLength ?? 0
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(written).toBe(0)
    for await (const chunk of { [Symbol.asyncIterator]: () => reader }) read += chunk.byteLength
    await writing
    expect(read).toBe(total)
  })

  it('can be refused by the gater', async () => {
    const [a, b] = await Promise.all([
      start(0),
      start(1, { connectionGater: { denyInboundEncryptedConnection: () => true } })
    ])
    await a.connect(await a.importAddress(addressOf(b), { dial: false })).catch(() => undefined)
    expect(b.libp2p.getConnections()).toEqual([])
  })

  it('are trimmed to the low-water mark, but for kept peers', async () => {
    const centre = await start(0, { connectionManager: { highWater: 3, lowWater: 2, gracePeriodMs: 0 } })
    const others = await Promise.all([1, 2, 3].map((index) => start(index)))
    const [first, second, third] = others
    if (first === undefined || second === undefined || third === undefined) throw new Error('three hosts')
    await centre.keep(first.peerId, 'test')
    for (const other of others) await introduce(other, centre)
    expect(centre.libp2p.getConnections().length).toBe(3)
    const fourth = await start(5)
    const trimmed = new Promise((resolve) => {
      let open = 4
      centre.libp2p.addEventListener('connection:close', () => {
        open -= 1
        if (open === 2) resolve(open)
      })
    })
    await introduce(fourth, centre)
    await trimmed
    expect(centre.libp2p.getConnections(first.peerId).length).toBe(1)
  })
})

describe('listening', () => {
  it('names a busy port', async () => {
    const a = await start(0)
    const busy = addressOf(a).decapsulateCode(421)
    await expect(createHost({ privateKey: keyOf(1), listen: [busy] })).rejects.toMatchObject({
      code: 'listen_failed',
      message: `failed to listen on any addresses: ${busy.toString()}: the port is in use by another program`
    })
  })

  it('goes on while one address works, as with the QUIC address of every default configuration', async () => {
    const quic = multiaddr('/ip4/127.0.0.1/udp/9096/quic')
    const busy = addressOf(await start(0)).decapsulateCode(421)
    const host = await start(1, { listen: [quic, busy, ...anywhere] })
    expect(host.addresses().length).toBe(1)
    await expect(createHost({ privateKey: keyOf(2), listen: [quic] })).rejects.toMatchObject({
      message: 'failed to listen on any addresses: /ip4/127.0.0.1/udp/9096/quic: no such transport'
    })
  })

  it('announces what it is told to', async () => {
    const told = multiaddr('/dns4/example.org/tcp/9096')
    const host = await start(0, { announce: [told] })
    expect(host.addresses().map(String)).toEqual([`/dns4/example.org/tcp/9096/p2p/${host.peerId.toString()}`])
    const quiet = await start(1, { noAnnounce: [multiaddr('/ip4/127.0.0.0/ipcidr/8')] })
    expect(quiet.addresses()).toEqual([])
  })

  it('refuses settings that cannot work', async () => {
    const base = { privateKey: keyOf(0), listen: anywhere }
    await expect(createHost({ ...base, secret: new Uint8Array(31) })).rejects.toMatchObject({ code: 'bad_secret' })
    const marks = { highWater: 1, lowWater: 2, gracePeriodMs: 0 }
    await expect(createHost({ ...base, connectionManager: marks })).rejects.toMatchObject({ code: 'bad_option' })
    const streams = { maxWindow: 1024 * 1024, maxReadBuffer: 1024 * 1024 }
    await expect(createHost({ ...base, streams })).rejects.toMatchObject({ code: 'bad_option' })
    const noAnnounce = [multiaddr('/ip4/10.0.0.0/ipcidr/60')]
    await expect(createHost({ ...base, noAnnounce })).rejects.toMatchObject({ code: 'bad_address' })
  })
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
    const topic = (await start(0)).subscribe('t')
    for (let value = 0; value < 1030; value += 1) await topic.publish(Uint8Array.of(value & 0xff))
    expect(topic.dropped).toBe(6)
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

describe('known peers', () => {
  it('are found again by the saved addresses after a restart', async () => {
    const peerstoreFile = join(folder, 'peerstore')
    const b = await start(1)
    const first = await start(0, { peerstoreFile })
    expect(await first.loadPeerstore()).toEqual([])
    await introduce(first, b)
    await first.savePeerstore()
    await first.stop()
    expect(await readFile(peerstoreFile, 'utf8')).toBe(`${addressOf(b).toString()}\n`)

    const second = await start(0, { peerstoreFile })
    expect((await second.loadPeerstore()).map(String)).toEqual([b.peerId.toString()])
    const connected = await second.bootstrap(3, { byPriority: true, force: true })
    expect(connected.map(String)).toEqual([b.peerId.toString()])
    // Connected ones count, and are not reported again.
    expect(await second.bootstrap(1, { byPriority: true, force: true })).toEqual([])
    expect(await second.bootstrap(1, { byPriority: false, force: false })).toEqual([])
  })

  it('are tried and saved in the order of their priority, unreachable ones last', async () => {
    const peerstoreFile = join(folder, 'peerstore')
    const [b, c] = await Promise.all([start(1), start(2)])
    const gone = `/ip4/127.0.0.1/tcp/1/p2p/${known[3]?.id ?? ''}`
    await writeFile(
      peerstoreFile,
      `# comment\n\nnot an address\n/ip4/1.2.3\n${gone}\n${String(addressOf(c))}\n${String(addressOf(b))}\n`
    )
    const a = await start(0, { peerstoreFile })
    expect((await a.loadPeerstore()).length).toBe(3)
    const connected = await a.bootstrap(1, { byPriority: true, force: true })
    expect(connected.map(String)).toEqual([c.peerId.toString()])
    await a.savePeerstore()
    const lines = (await readFile(peerstoreFile, 'utf8')).trimEnd().split('\n')
    expect(lines).toEqual([String(addressOf(c)), String(addressOf(b)), gone])
    const infos = await a.peerInfos([b.peerId, a.peerId])
    expect(infos.map(({ peer, addresses }) => [String(peer), addresses.map(String)])).toEqual([
      [String(b.peerId), [String(addressOf(b).decapsulateCode(421))]]
    ])
  })

  it('come by name as well', async () => {
    const b = await start(1)
    const asked: string[] = []
    const a = await start(0, {
      resolveTxt: (name) => {
        asked.push(name)
        return Promise.resolve(name === '_dnsaddr.example.org' ? [[`dnsaddr=${String(addressOf(b))}`]] : [])
      }
    })
    const connected = new Promise((resolve) => {
      a.libp2p.addEventListener('peer:connect', resolve)
    })
    expect(String(await a.importAddress(multiaddr('/dnsaddr/example.org'), { dial: true }))).toBe(String(b.peerId))
    await connected
    expect(asked).toEqual(['_dnsaddr.example.org'])
    await expect(a.importAddress(multiaddr('/dnsaddr/nothing.org'), { dial: false })).rejects.toMatchObject({
      code: 'no_resolved_addresses',
      message: '/dnsaddr/nothing.org: no resolved addresses'
    })
  })

  it('need an ID, and are not this host', async () => {
    const a = await start(0, { peerstoreFile: join(folder, 'peerstore') })
    await expect(a.importAddress(multiaddr('/ip4/1.2.3.4/tcp/1'), { dial: false })).rejects.toMatchObject({
      code: 'bad_address'
    })
    expect(String(await a.importAddress(addressOf(a), { dial: false }))).toBe(String(a.peerId))
    await a.savePeerstore()
    expect(await readFile(join(folder, 'peerstore'), 'utf8')).toBe('')
  })

  it('that are kept are dialled again', async () => {
    const [a, b] = await Promise.all([start(0), start(1)])
    await introduce(a, b)
    await a.keep(b.peerId, 'crdt')
    const again = new Promise((resolve) => {
      a.libp2p.addEventListener('peer:connect', resolve)
    })
    await b.libp2p.hangUp(a.peerId)
    await again
    expect(a.libp2p.getConnections(b.peerId).length).toBeGreaterThan(0)
  })

  it('can be refreshed without routers', async () => {
    await (await start(0)).refreshRouting({})
  })
})

describe('stopping', () => {
  it('ends waits and topics, and can be asked for twice', async () => {
    const a = await start(0)
    const topic = a.subscribe('t')
    const reading = topic.messages()[Symbol.asyncIterator]().next()
    const dialling = a
      .importAddress(multiaddr(`/ip4/10.255.255.1/tcp/9/p2p/${known[3]?.id ?? ''}`), { dial: false })
      .then((peer) => a.connect(peer))
    const failed = expect(dialling).rejects.toMatchObject({ name: 'HostError' })
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([a.stop(), a.stop()])
    expect((await reading).done).toBe(true)
    await failed
    expect(() => a.subscribe('t')).toThrow('the host was stopped')
    await expect(a.savePeerstore()).rejects.toMatchObject({ code: 'stopped' })
  })
})
