import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Block, IPFSPinStatus, type NodeWithMeta, pinOf, PinMode, type Pin } from '@cluster/api'
import { parseMultiaddr } from '@cluster/config'
import {
  FakeKubo,
  ipfsConnectorConformance,
  type LogLine,
  memoryCounters,
  type MemoryCounters,
  settle,
  testContext,
  type TestContext
} from '@cluster/testing'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpConfig, type HttpConfig } from './config.ts'
import { KuboIpfs } from './kubo-ipfs.ts'

const vectors = new URL('../../testing/vectors/cli/kubo-texts.json', import.meta.url)
const { answers } = JSON.parse(readFileSync(vectors, 'utf8')) as { answers: Record<string, string> }

interface Connected {
  readonly ipfs: KuboIpfs
  readonly context: TestContext
  readonly metrics: MemoryCounters
}

function connect(address: Multiaddr, config: Partial<HttpConfig> = {}): Connected {
  const metrics = memoryCounters()
  const context = testContext({ metrics })
  const ipfs = new KuboIpfs(context, { ...httpConfig.defaults, nodeMultiaddress: address, ...config })
  return { ipfs, context, metrics }
}

const addressOf = (kubo: FakeKubo): Multiaddr => multiaddr(`/ip4/127.0.0.1/tcp/${kubo.port}`)

ipfsConnectorConformance('ipfshttp', async () => {
  const kubo = await FakeKubo.listen(answers)
  const { ipfs, context } = connect(addressOf(kubo))
  return {
    connector: ipfs,
    pinsByEncoding: true,
    provide: (blocks) => {
      kubo.provide(blocks)
      return Promise.resolve()
    },
    close: async () => {
      expect(context.clock.pending).toBe(0)
      await kubo.close()
    }
  }
})

async function setUp(config: Partial<HttpConfig> = {}) {
  const kubo = await FakeKubo.listen(answers)
  const { ipfs, context, metrics } = connect(addressOf(kubo), config)
  onTestFinished(async () => {
    await ipfs.stop()
    expect(context.clock.pending).toBe(0)
    await kubo.close()
  })
  return { kubo, ipfs, context, metrics, clock: context.clock }
}

function blockOf(text: string): Block {
  const bytes = new TextEncoder().encode(text)
  const hash = new Uint8Array(createHash('sha256').update(bytes).digest())
  return { cid: CID.createV1(0x55, digest.create(0x12, hash)), bytes }
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream whose items are all there
async function* stream(...blocks: Block[]): AsyncGenerator<NodeWithMeta> {
  for (const { cid, bytes } of blocks) yield { cid, data: bytes, cumSize: 0n }
}

/** Real sockets are read and written here, which no clock knows of. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle()
}
const texts = (lines: readonly LogLine[]): string[] => lines.map(({ text }) => text)

describe('KuboIpfs', () => {
  it('IP-1: says who the daemon is; fails when that is gone', async () => {
    const { kubo, ipfs, context } = await setUp()
    kubo.addresses = [...kubo.addresses, 'nonsense']
    const { id, addresses, error } = await ipfs.id({})
    expect([id?.toString(), addresses?.map(String), error]).toEqual([kubo.id, kubo.addresses.slice(0, 2), ''])
    expect(texts(context.lines)).toEqual(['IPFS has an address that is none: nonsense'])
    const { port } = kubo
    await kubo.close()
    await expect(ipfs.id({})).rejects.toMatchObject({
      code: 'IPFS',
      message: `IPFS request failed (is it running?) (id): connect ECONNREFUSED 127.0.0.1:${port}`
    })
    await kubo.open(port)
  })

  it('IP-2: connects with the origins of a pin, ten at most, and pins it', async () => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('with origins')
    kubo.provide([block])
    const origins = Array.from({ length: 12 }, (_, n) => multiaddr(`/ip4/192.0.2.${n + 1}/tcp/4001`))
    const connected = Promise.withResolvers<undefined>()
    kubo.script('swarm/connect', (_request, response, query) => {
      kubo.connected.push(query.get('arg') ?? '')
      if (kubo.connected.length === 10) connected.resolve(undefined)
      response.writeHead(500).end('{"Message":"failure: dial backoff","Code":0,"Type":"error"}')
    })
    kubo.script('pin/add', (_request, response) => {
      void connected.promise.then(() => {
        kubo.pins.set(block.cid.toString(), 'recursive')
        response.end(`{"Pins":["${block.cid.toString()}"]}\n`)
      })
    })
    await ipfs.pin(pinOf(block.cid, { origins }), {})
    expect([...kubo.connected].sort()).toEqual(origins.slice(0, 10).map(String).sort())
    expect(kubo.calls.find((call) => call.startsWith('swarm'))).toMatch(/^swarm\/connect\?arg=%2Fip4%2F192/)
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.recursive)
  })

  it('stops connecting with origins once the pin is done', async () => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('elsewhere')
    kubo.provide([block])
    const gone = Promise.withResolvers<undefined>()
    kubo.script('swarm/connect', (_request, response) => {
      response.on('close', () => {
        gone.resolve(undefined)
      })
    })
    await ipfs.pin(pinOf(block.cid, { origins: [multiaddr('/ip4/192.0.2.1/tcp/4001')] }), {})
    await gone.promise
  })

  it('IP-2: fails a pin without progress for pin_timeout, not one that advances', async () => {
    const { kubo, ipfs, clock } = await setUp({ pinTimeoutMs: 5000 })
    const { cid } = blockOf('slow')
    const progress: number[] = []
    const pinning = ipfs.pin(pinOf(cid), { onProgress: (nodes) => progress.push(nodes) })
    const failed = expect(pinning).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'pin operation timed out: no progress for 5s'
    })
    let say: ((nodes: number) => void) | undefined
    kubo.script('pin/add', (_request, response) => {
      say = (nodes) => response.write(`{"Progress":${nodes}}\n`)
    })
    await until(() => say !== undefined)
    for (const nodes of [1, 2, 3]) {
      await clock.advance(4000)
      say?.(nodes)
      await until(() => progress.length === nodes)
    }
    say?.(3) // no progress
    await clock.advance(4999)
    expect(progress).toEqual([1, 2, 3])
    await clock.advance(5001)
    await failed
  })

  it('IP-3: makes a pin out of the one that it follows up, when that is there', async () => {
    const { kubo, ipfs } = await setUp()
    const [a, b] = [blockOf('a'), blockOf('b')]
    kubo.provide([a, b])
    const count = (call: string): number => kubo.calls.filter((made) => made.startsWith(call)).length
    await ipfs.pin(pinOf(a.cid, { pinUpdate: a.cid }), {})
    expect([count('pin/add'), count('pin/update')]).toEqual([1, 0])
    await ipfs.pin(pinOf(a.cid, { pinUpdate: a.cid }), {})
    expect([count('pin/add'), count('pin/update')]).toEqual([1, 0])
    await ipfs.pin(pinOf(b.cid, { pinUpdate: a.cid }), {})
    expect([count('pin/add'), count('pin/update')]).toEqual([1, 1])
    expect(kubo.calls).toContain(`pin/update?arg=${a.cid.toString()}&arg=${b.cid.toString()}&unpin=false`)
    expect(kubo.pins.get(b.cid.toString())).toBe('recursive')
  })

  it('pins anew when the older version went away in between', async () => {
    const { kubo, ipfs } = await setUp()
    const [a, b] = [blockOf('a'), blockOf('b')]
    kubo.provide([a, b])
    await ipfs.pin(pinOf(a.cid), {})
    kubo.script('pin/update', (_request, response) => {
      response.writeHead(500).end(answers['pin/update from not pinned'])
    })
    await ipfs.pin(pinOf(b.cid, { pinUpdate: a.cid }), {})
    expect(kubo.pins.get(b.cid.toString())).toBe('recursive')
  })

  it.each<[string, Partial<Pin>, string, string]>([
    ['recursive', {}, 'recursive=true&progress=true', 'type=recursive'],
    ['direct', { mode: PinMode.direct, maxDepth: 0 }, 'recursive=false&progress=true', 'type=direct'],
    ['shard', { maxDepth: 1 }, 'max-depth=1&recursive=true&progress=true', 'type=recursive']
  ])('asks for a %s pin as the reference does', async (_name, change, query, type) => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('x')
    kubo.provide([block])
    await ipfs.pin({ ...pinOf(block.cid), ...change }, {})
    expect(kubo.calls[0]).toBe(`pin/ls?stream=true&arg=${block.cid.toString()}&${type}`)
    expect(kubo.calls.at(-1)).toBe(`pin/add?arg=${block.cid.toString()}&${query}`)
    expect(kubo.headers['content-type']).toBeUndefined()
  })

  it('takes a recursive pin that came in between for the direct one', async () => {
    const { kubo, ipfs } = await setUp()
    const { cid } = blockOf('x')
    kubo.script('pin/add', (_request, response) => {
      response.writeHead(500).end(answers['pin/add direct of a recursive pin'])
    })
    await ipfs.pin(pinOf(cid, { mode: PinMode.direct }), {})
  })

  it('IP-5: refuses to unpin when told so, and pins', async () => {
    const { kubo, ipfs } = await setUp({ unpinDisable: true })
    const block = blockOf('stays')
    kubo.provide([block])
    await ipfs.pin(pinOf(block.cid), {})
    await expect(ipfs.unpin(block.cid, {})).rejects.toThrow(
      'ipfs unpinning is disallowed by configuration on this peer'
    )
    expect(kubo.pins.size).toBe(1)
  })

  it('IP-9: lists the peers of the daemon in order; none is an empty list', async () => {
    const { kubo, ipfs } = await setUp()
    expect(await ipfs.swarmPeers({})).toEqual([])
    kubo.swarm = [kubo.id, 'QmUZ13osndQ5uL4tPWHXe3iBgBgq9gfewcBMSCAuMBsDJ6']
    expect((await ipfs.swarmPeers({})).map(String)).toEqual(kubo.swarm)
  })

  it('IP-10, IP-11: sends blocks of one hash function in one request, those of another in the next', async () => {
    const { kubo, ipfs } = await setUp()
    const bytes = new TextEncoder().encode('sha-512')
    const sha512 = digest.create(0x13, new Uint8Array(createHash('sha512').update(bytes).digest()))
    const long: Block = { cid: CID.createV1(0x55, sha512), bytes }
    const v0: Block = { ...blockOf('v0'), cid: CID.createV1(0x70, blockOf('v0').cid.multihash).toV0() }
    const blocks = [v0, blockOf('1'), long, blockOf('2')]
    await ipfs.blockStream(stream(...blocks), {})
    expect(kubo.calls).toEqual([
      'block/put?allow-big-block=true&cid-codec=dag-pb&mhlen=32&mhtype=sha2-256&pin=false',
      'block/put?allow-big-block=true&cid-codec=raw&mhlen=64&mhtype=sha2-512&pin=false',
      'block/put?allow-big-block=true&cid-codec=raw&mhlen=32&mhtype=sha2-256&pin=false'
    ])
    for (const block of blocks)
      expect(Buffer.from(await ipfs.blockGet(block.cid, {}))).toEqual(Buffer.from(block.bytes))
  })

  it('refuses a stream without blocks; sends nothing for blocks that their CIDs hold', async () => {
    const { kubo, ipfs } = await setUp()
    await expect(ipfs.blockStream(stream(), {})).rejects.toThrow('BlockStream: no blocks to peek in blocks channel')
    const bytes = new TextEncoder().encode('inline')
    await ipfs.blockStream(stream({ cid: CID.createV1(0x55, digest.create(0, bytes)), bytes }), {})
    expect(kubo.calls).toEqual([])
  })

  it('IP-13: resolves names and paths through directories', async () => {
    const { kubo, ipfs } = await setUp()
    const { cid } = blockOf('target')
    kubo.script('resolve', (_request, response, query) => {
      expect(query.get('arg')).toBe('/ipns/k51abc/a b')
      response.end(`{"Path":"/ipfs/${cid.toString()}/rest"}`)
    })
    expect((await ipfs.resolve('/ipns/k51abc/a b', {})).toString()).toBe(cid.toString())
    expect(kubo.calls).toEqual(['resolve?arg=%2Fipns%2Fk51abc%2Fa+b'])
    kubo.script('resolve', undefined)
    await expect(ipfs.resolve(`${cid.toString()}/nope`, {})).rejects.toThrow(
      /Code: 500\. Message: no link named "nope"/
    )
    kubo.script('resolve', (_request, response) => {
      response.end('{"Path":"/ipns/k51abc"}')
    })
    await expect(ipfs.resolve('/ipns/other', {})).rejects.toMatchObject({ code: 'IPFS' })
  })

  it('IP-12: tells sizes beyond 2^53', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('repo/stat', (_request, response) => {
      response.end('{"RepoSize":18446744073709551615,"StorageMax":10000000000}')
    })
    expect(await ipfs.repoStat({})).toEqual({ repoSize: 18_446_744_073_709_551_615n, storageMax: 10_000_000_000n })
    expect(kubo.calls).toEqual(['repo/stat?size-only=true'])
  })

  it('IP-14: reads the configuration, two levels deep', async () => {
    const { ipfs } = await setUp()
    expect(await ipfs.configKey('Datastore/StorageMax', {})).toBe('10G')
    expect(await ipfs.configKey('Datastore', {})).toEqual({ StorageMax: '10G', GCPeriod: '1h' })
    await expect(ipfs.configKey('', {})).rejects.toThrow('key not found in configuration')
    await expect(ipfs.configKey('Datastore/abc', {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const tooDeep = ipfs.configKey('Datastore/StorageMax/x', {})
    await expect(tooDeep).rejects.toThrow('key not found in configuration')
  })

  it('counts pins, requests with blocks, and what failed', async () => {
    const { kubo, ipfs, metrics } = await setUp()
    const counted = async () =>
      Object.fromEntries(Object.entries(await metrics.read()).map(([name, value]) => [name.slice(12), value]))
    const zero = {
      pins_ipfs_pins: 0,
      pins_pin_add: 0,
      pins_pin_add_errors: 0,
      blocks_put: 0,
      blocks_put_errors: 0,
      blocks_added: 0,
      blocks_added_size: 0
    }
    expect(await counted()).toEqual(zero)
    const [a, b] = [blockOf('a'), blockOf('bb')]
    await ipfs.blockStream(stream(a, b), {})
    await ipfs.pin(pinOf(a.cid), {})
    await ipfs.pin(pinOf(a.cid), {}) // there already
    await ipfs.pin(pinOf(b.cid), {})
    const added = { blocks_put: 1, blocks_added: 2, blocks_added_size: 3 }
    expect(await counted()).toEqual({ ...zero, ...added, pins_ipfs_pins: 2, pins_pin_add: 2 })
    await ipfs.unpin(a.cid, {})
    await ipfs.unpin(a.cid, {}) // nothing to do
    kubo.script('pin/add', (_request, response) => {
      response.end('{"Progress":1}')
    })
    kubo.script('block/put', (_request, response) => {
      response.writeHead(500).end()
    })
    await expect(ipfs.pin(pinOf(a.cid), {})).rejects.toMatchObject({ code: 'IPFS' })
    await expect(ipfs.blockStream(stream(a), {})).rejects.toMatchObject({ code: 'IPFS' })
    expect(await counted()).toMatchObject({ pins_ipfs_pins: 1, pins_pin_add: 3, pins_pin_add_errors: 1 })
    expect(await counted()).toMatchObject({ blocks_put: 2, blocks_put_errors: 1 })
    metrics.registerMetric('ipfscluster_pins_ipfs_pins').update(7)
    await Array.fromAsync(ipfs.pinLs(['recursive', 'direct'], {}))
    expect((await counted())['pins_ipfs_pins']).toBe(1)
  })

  it('asks for metrics after as many pins, adds and collections as told', async () => {
    const { kubo, ipfs } = await setUp({ informerTriggerInterval: 2 })
    let due = 0
    ipfs.addEventListener('informers:due', () => (due += 1))
    const [a, b] = [blockOf('a'), blockOf('b')]
    kubo.provide([a])
    await ipfs.pin(pinOf(a.cid), {})
    expect(due).toBe(1)
    await ipfs.pin(pinOf(a.cid), {}) // there already: nothing to count
    await ipfs.blockStream(stream(b), {})
    expect(due).toBe(1)
    await Array.fromAsync(ipfs.repoGC({}))
    expect(due).toBe(2)
  })

  it('shows its credentials', async () => {
    const { kubo, ipfs } = await setUp({ authorization: 'bearer:secret' })
    await ipfs.id({})
    expect(kubo.headers.authorization).toBe('Bearer secret')
  })

  it('speaks over a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kubo-socket-'))
    const path = join(folder, 'api.sock')
    const kubo = await FakeKubo.listen(answers, path)
    const { ipfs } = connect(parseMultiaddr(`/unix${path}`))
    expect((await ipfs.id({})).id?.toString()).toBe(kubo.id)
    expect(kubo.headers.host).toBe('ipfs')
    await ipfs.stop()
    await kubo.close()
    await rm(folder, { recursive: true })
  })
})

describe('the life of KuboIpfs', () => {
  it('asks every second until the daemon answers, and warns every tenth time', async () => {
    const { kubo, ipfs, context, clock } = await setUp()
    const { port } = kubo
    await kubo.close()
    ipfs.start()
    let isReady = false
    const ready = ipfs.ready({}).then(() => (isReady = true))
    for (let second = 0; second < 10; second++) {
      await until(() => clock.pending === 1 && clock.nextMs === clock.nowMs() + 1000)
      await clock.advance(1000)
    }
    await until(() => context.lines.length === 3)
    expect(texts(context.lines)).toEqual([
      `waiting for the IPFS daemon at /ip4/127.0.0.1/tcp/${port}`,
      `IPFS does not answer, calls fail until it does: connect ECONNREFUSED 127.0.0.1:${port}`,
      'ipfs does not seem to be available after 10 retries'
    ])
    expect(isReady).toBe(false)
    await kubo.open(port)
    await until(() => clock.pending === 1)
    await clock.advance(1000)
    await ready
  })

  it('has the daemons connected after a while, and again when the daemon came back', async () => {
    const { kubo, ipfs, clock } = await setUp({ connectSwarmsDelayMs: 30_000 })
    let due = 0
    ipfs.addEventListener('swarms:due', () => (due += 1))
    ipfs.start()
    await ipfs.ready({})
    await clock.advance(29_999)
    expect(due).toBe(0)
    await clock.advance(1)
    expect(due).toBe(1)
    await ipfs.id({})
    expect(clock.pending).toBe(0)
    const { port } = kubo
    await kubo.close()
    await expect(ipfs.id({})).rejects.toThrow()
    await kubo.open(port)
    await ipfs.id({})
    await clock.advance(30_000)
    expect(due).toBe(2)
  })

  it('connects the daemon with others one by one, whatever fails', async () => {
    const { kubo, ipfs } = await setUp()
    const [a, b] = [multiaddr('/ip4/192.0.2.1/tcp/4001'), multiaddr('/ip4/192.0.2.2/tcp/4001')]
    kubo.script('swarm/connect', (_request, response, query) => {
      kubo.connected.push(query.get('arg') ?? '')
      response.writeHead(500).end(answers['swarm/connect bad'])
    })
    await ipfs.connectSwarms([a, b], {})
    expect(kubo.connected).toEqual([a.toString(), b.toString()])
  })

  it('IP-8: takes no calls once it is stopped, and never gets ready', async () => {
    const { ipfs } = await setUp()
    const waiting = expect(ipfs.ready({})).rejects.toMatchObject({ code: 'STOPPED' })
    await ipfs.stop()
    await waiting
    ipfs.start()
    await expect(ipfs.id({})).rejects.toMatchObject({ code: 'STOPPED' })
    await expect(Array.fromAsync(ipfs.pinLs(['recursive'], {}))).rejects.toMatchObject({ code: 'STOPPED' })
  })
})
