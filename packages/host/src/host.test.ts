import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'
import type { Host } from './host.ts'
import type { HostOptions } from './host-options.ts'

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

afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
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

  it('asks for the address of a peer of which it has none', async () => {
    const known = await start(0)
    const asked: string[] = []
    const seeker = await start(1, {
      findAddresses: (peer) => {
        asked.push(peer.toString())
        return Promise.resolve(peer.equals(known.peerId) ? known.addresses() : [])
      }
    })
    await seeker.connect(known.peerId)
    expect(asked).toEqual([known.peerId.toString()])
    const stranger = peerIdFromPrivateKey(keyOf(2))
    await expect(seeker.connect(stranger)).rejects.toMatchObject({ code: 'dial_failed' })
    await seeker.refreshRouting({})
  })

  it('leaves nothing behind that keeps the process alive', async () => {
    // A heartbeat of an hour: if its timer were left, this would not end in the time of a test.
    const program = `
      import { createHost } from '@cluster/host'
      import { generateKeyPair } from '@libp2p/crypto/keys'
      const privateKey = await generateKeyPair('Ed25519')
      const host = await createHost({ privateKey, listen: [], pubsub: { heartbeatIntervalMs: 3_600_000 } })
      host.subscribe('topic').publish(new Uint8Array(1))
      setTimeout(() => host.stop().then(() => console.log('stopped')), 200)`
    const args = ['--conditions=@cluster/source', '--input-type=module', '-e', program]
    const cwd = import.meta.dirname
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 30_000 })
    expect(stdout).toBe('stopped\n')
  }, 40_000)
})
