import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Block, IPFSPinStatus, pinOf, PinMode } from '@cluster/api'
import { parseMultiaddr } from '@cluster/config'
import { blockNodes, findKubo, ipfsConnectorConformance, KuboDaemon, testContext } from '@cluster/testing'
import { blake2b } from '@noble/hashes/blake2.js'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { httpConfig } from './config.ts'
import { KuboIpfs } from './kubo-ipfs.ts'
import { blockOf } from './kubo.fixture.ts'

const file = await findKubo()
if (file === undefined) {
  process.stderr.write('\n*** SKIPPED: tests against a real Kubo, since there is no program "ipfs" on the PATH ***\n\n')
}
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const RAW = 0x55

/** Everything that is not pinned is gone afterwards. */
async function empty(connector: KuboIpfs): Promise<void> {
  for await (const page of connector.pinLs(['recursive', 'direct'], {})) {
    for (let at = 0; at < page.length; at += 32) {
      await Promise.all(page.slice(at, at + 32).map(({ cid }) => connector.unpin(cid, {})))
    }
  }
  for await (const { error } of connector.repoGC({})) expect(error).toBe('')
}

describe.skipIf(file === undefined)('with a real Kubo', () => {
  let kubo: KuboDaemon
  let other: KuboDaemon
  let source: KuboIpfs

  const connect = ({ api }: KuboDaemon, config: object = {}): KuboIpfs =>
    new KuboIpfs(testContext(), { ...httpConfig.defaults, nodeMultiaddress: multiaddr(api), ...config })

  beforeAll(async () => {
    if (file === undefined) return
    ;[kubo, other] = await Promise.all([KuboDaemon.start(file), KuboDaemon.start(file)])
    source = connect(other)
    await source.connectSwarms([multiaddr(await kubo.swarmAddress())], {})
  })
  afterAll(async () => {
    await source.stop()
    await Promise.all([kubo[Symbol.asyncDispose](), other[Symbol.asyncDispose]()])
  })

  ipfsConnectorConformance('ipfshttp with Kubo', async () => {
    const connector = connect(kubo)
    await empty(connector)
    return {
      connector,
      pinsByEncoding: true,
      provide: (blocks) => source.blockStream(blockNodes(...blocks), {}),
      close: () => empty(source)
    }
  })

  it('says who it is, and with whom it is connected', async () => {
    const connector = connect(kubo)
    const { id, addresses } = await connector.id({})
    expect(await kubo.run('id', '-f', '<id>')).toBe(id?.toString())
    expect(addresses?.map(String)).toContain(await kubo.swarmAddress())
    const { id: otherId } = await source.id({})
    expect(await connector.swarmPeers({})).toEqual([otherId])
    await connector.stop()
  })

  it('IP-10, IP-11: stores blocks of several hash functions and sizes in one stream', async () => {
    const connector = connect(kubo)
    const bytes = new TextEncoder().encode('blake2b')
    const blake: Block = { cid: CID.createV1(RAW, digest.create(0xb220, blake2b(bytes, { dkLen: 32 }))), bytes }
    const long = randomBytes(3_000_000)
    const sha512 = new Uint8Array(createHash('sha512').update(long).digest())
    const big: Block = { cid: CID.createV1(RAW, digest.create(0x13, sha512)), bytes: long }
    const node = blockOf('', 0x70)
    const blocks = [blake, { ...node, cid: node.cid.toV0() }, blockOf('raw among nodes'), big, blockOf('last')]
    await connector.blockStream(blockNodes(...blocks), {})
    for (const block of blocks) {
      const { stdout } = { stdout: await kubo.run('block', 'stat', block.cid.toString()) }
      expect(stdout).toContain(`Size: ${block.bytes.length.toString()}`)
      expect(Buffer.from(await connector.blockGet(block.cid, {})).equals(block.bytes)).toBe(true)
    }
    await connector.stop()
  })

  it('IP-3: updates a pin by another', async () => {
    const connector = connect(kubo)
    const [a, b] = [blockOf('first version'), blockOf('second version')]
    await source.blockStream(blockNodes(a, b), {})
    await connector.pin(pinOf(a.cid, { pinUpdate: a.cid }), {})
    await connector.pin(pinOf(b.cid, { pinUpdate: a.cid }), {})
    const listed = await kubo.run('pin', 'ls', '--type=recursive', '-q')
    expect(listed.split('\n')).toEqual(expect.arrayContaining([a.cid.toString(), b.cid.toString()]))
    await connector.stop()
  })

  it('says what Kubo says when a pin fails after it has begun', async () => {
    const connector = connect(kubo)
    // A node that is no dag-pb: Kubo says progress first and fails then, in a trailer.
    const broken = blockOf('\xff\xff\xff', 0x70)
    await connector.blockStream(blockNodes({ ...broken, cid: CID.createV1(RAW, broken.cid.multihash) }), {})
    await expect(connector.pin(pinOf(broken.cid), {})).rejects.toMatchObject({ code: 'IPFS' })
    expect(await connector.pinLsCid(pinOf(broken.cid), {})).toBe(IPFSPinStatus.unpinned)
    await connector.stop()
  })

  it('finds content at an origin of the pin that nobody else has', async () => {
    const connector = connect(kubo)
    const block = blockOf('at the origin')
    await source.blockStream(blockNodes(block), {})
    const origin = multiaddr(await other.swarmAddress())
    const otherId = (await source.id({})).id?.toString() ?? ''
    await kubo.run('swarm', 'disconnect', `/p2p/${otherId}`)
    await connector.pin(pinOf(block.cid, { origins: [origin], mode: PinMode.direct }), {})
    expect(await kubo.run('pin', 'ls', '--type=direct', '-q')).toContain(block.cid.toString())
    await connector.stop()
  })

  it('IP-14: reads the configuration', async () => {
    const connector = connect(kubo)
    expect(await connector.configKey('Datastore/StorageMax', {})).toBe('10GB')
    expect(await connector.configKey('Datastore', {})).toMatchObject({ StorageMax: '10GB' })
    await expect(connector.configKey('Datastore/abc', {})).rejects.toThrow('key not found in configuration')
    await connector.stop()
  })

  it('gives its pins their names when told to, also a pin made out of another', async () => {
    const connector = connect(kubo, { pinNames: true })
    const [a, b] = [blockOf('named'), blockOf('named later')]
    await connector.blockStream(blockNodes(a, b), {})
    await connector.pin(pinOf(a.cid, { name: 'first & only' }), {})
    await connector.pin(pinOf(b.cid, { name: 'é'.repeat(200), pinUpdate: a.cid }), {})
    const listed = await kubo.run('pin', 'ls', '--names', '--type=recursive')
    expect(listed).toContain(`${a.cid.toString()} recursive first & only`)
    expect(listed).toContain(`${b.cid.toString()} recursive ${'é'.repeat(127)}`)
    await connector.stop()
  })

  it('tells the bytes of a pin as they come', async () => {
    const connector = connect(kubo)
    const block = blockOf('twelve bytes')
    await source.blockStream(blockNodes(block), {})
    await source.connectSwarms([multiaddr(await kubo.swarmAddress())], {})
    const heard: (number | undefined)[] = []
    await connector.pin(pinOf(block.cid), { onProgress: (_nodes, bytes) => heard.push(bytes) })
    expect(heard.at(-1)).toBe(12)
    await connector.stop()
  })

  it('knows that it was killed: calls fail at once with what is wrong', async () => {
    if (file === undefined) return
    const doomed = await KuboDaemon.start(file)
    const connector = connect(doomed)
    await connector.id({})
    expect(connector.health.state).toBe('up')
    const nowhere = expect(connector.pin(pinOf(blockOf('nowhere').cid), {})).rejects.toMatchObject({ code: 'IPFS' })
    await doomed.kill()
    await nowhere
    await expect(connector.repoStat({})).rejects.toMatchObject({ code: 'IPFS' })
    await expect(connector.repoStat({})).rejects.toThrow(/^IPFS request failed \(is it running\?\) \(repo\/stat/)
    expect(connector.health).toMatchObject({ state: 'down', reason: expect.stringContaining('ECONNREFUSED') as string })
    await connector.stop()
    await doomed[Symbol.asyncDispose]()
  })

  it('shows its credentials, over a Unix socket too; without them it says what is missing', async () => {
    if (file === undefined) return
    const folder = await mkdtemp(join(tmpdir(), 'kubo-socket-'))
    const socket = `/unix${join(folder, 'api.sock')}`
    const guarded = await KuboDaemon.start(file, {
      'API.Authorizations': { me: { AuthSecret: 'basic:user:word', AllowedPaths: ['/api/v0'] } },
      'Addresses.API': ['/ip4/127.0.0.1/tcp/0', socket]
    })
    for (const nodeMultiaddress of [multiaddr(guarded.api), parseMultiaddr(socket)]) {
      const known = connect(guarded, { nodeMultiaddress, authorization: 'basic:user:word' })
      expect((await known.repoStat({})).storageMax).toBeGreaterThan(0n)
      const stranger = connect(guarded, { nodeMultiaddress })
      await expect(stranger.repoStat({})).rejects.toThrow(/Code 403: Kubo RPC Access Denied/)
      await Promise.all([known.stop(), stranger.stop()])
    }
    await guarded[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
})
