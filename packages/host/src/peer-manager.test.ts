import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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
let folder = ''

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

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cluster-host-'))
})
afterEach(async () => {
  await Promise.all(running.map((host) => host.stop()))
  running = []
  await rm(folder, { recursive: true })
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

  it('that are kept come first, before those that the file names first', async () => {
    const peerstoreFile = join(folder, 'peerstore')
    const [b, c] = await Promise.all([start(1), start(2)])
    await writeFile(peerstoreFile, `${String(addressOf(c))}\n${String(addressOf(b))}\n`)
    const a = await start(0, { peerstoreFile })
    await a.loadPeerstore()
    await a.keep(b.peerId, 'crdt')
    await a.savePeerstore()
    const lines = (await readFile(peerstoreFile, 'utf8')).trimEnd().split('\n')
    expect(lines).toEqual([String(addressOf(b)), String(addressOf(c))])
  })

  it('can be refreshed without routers', async () => {
    await (await start(0)).refreshRouting({})
  })
})
