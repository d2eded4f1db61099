import {
  DEFAULT_ADD_PARAMS,
  itemsOf,
  PinType,
  trackerStatusToString,
  type AddedOutput,
  type AddParams,
  type FileEntry,
  type Pin
} from '@cluster/api'
import { createLogging, parseLogLevels } from '@cluster/observability'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { builtIns } from './built-ins.ts'
import { initFolder } from './init-folder.ts'
import { createPeer, type Peer } from './peer.ts'
import { loadPeerConfig } from './peer-config.ts'

const ANY = '/ip4/127.0.0.1/tcp/0'
/** Other work may take the machine. */
const PATIENCE_MS = 60_000
/** The test tree of the specification. */
const TREE = 'QmdHXJgxeCFf6qDZqYYmMesV2DbZCVPEdEhj2oVTxP1y7Y'

describe('adding at three peers', { timeout: 180_000 }, () => {
  let folder: string
  const peers: Peer[] = []
  const at = (index: number): Peer => peers[index] ?? expect.unreachable('there are three')

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adding-'))
    const secret = randomBytes(32).toString('hex')
    let first: readonly Multiaddr[] = []
    for (const name of ['peer0', 'peer1', 'peer2']) {
      peers.push(await startPeer(join(folder, name), name, secret, first))
      if (first.length === 0) first = (await at(0).cluster.members.id({})).addresses ?? []
    }
    await until(() => {
      for (const { cluster } of peers) {
        for (const name of ['ping', 'freespace']) expect(cluster.health.latestMetrics(name)).toHaveLength(3)
      }
    })
  }, 180_000)
  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.stop()))
    await rm(folder, { recursive: true })
  }, 60_000)

  /** Statuses by peer, the own name first. */
  const statuses = async (index: number, cid: CID): Promise<string[]> => {
    const { peerMap } = await at(index).cluster.statuses.status(cid, {})
    return peers.map(({ id }) => trackerStatusToString(peerMap?.get(id.toString())?.status ?? 0))
  }
  const expectStatuses = async (cid: CID, wanted: readonly string[]): Promise<void> => {
    await until(async () => {
      expect(await statuses(1, cid)).toEqual(wanted)
    })
  }
  const pins = async (index: number): Promise<Pin[]> => (await Array.fromAsync(at(index).cluster.pins.list({}))).flat()

  it('CL-7, AD-1: the test tree has its root, and is pinned everywhere', async () => {
    const { root } = await add(at(0), await treeEntries())
    expect(root.toString()).toBe(TREE)
    await expectStatuses(root, ['pinned', 'pinned', 'pinned'])
    const { peerMap } = await at(0).cluster.statuses.status(root, { local: true })
    expect([...(peerMap?.values() ?? [])].map(({ status }) => trackerStatusToString(status))).toEqual(['pinned'])
    await at(0).cluster.pins.unpin(root, {})
    await expectStatuses(root, ['unpinned', 'unpinned', 'unpinned'])
  })

  it('CL-8 to CL-11, AR-8: in shards it has the same root; they go with it, and only with it', async () => {
    const factors = { replicationFactorMin: 1, replicationFactorMax: 2 }
    const params = { ...factors, shard: true, shardSize: 307_200n, name: 'parts' }
    const { root, events } = await add(at(0), await treeEntries(), params)
    expect(root.toString()).toBe(TREE)
    const all = await pins(0)
    const ofType = (type: number): Pin[] => all.filter((pin) => pin.type === type)
    const [meta] = ofType(PinType.meta)
    const [dag] = ofType(PinType.clusterDag)
    if (meta === undefined || dag === undefined) throw new Error('the root is not pinned in shards')
    expect(meta.cid.equals(root)).toBe(true)
    expect(meta.reference?.equals(dag.cid)).toBe(true)
    expect(dag.reference?.equals(root)).toBe(true)
    const shards = events.filter(({ name }) => /^shard-\d+$/.test(name)).map(({ cid }) => cid?.toString())
    expect(shards).toHaveLength(14)
    expect(
      ofType(PinType.shard)
        .map(({ cid }) => cid.toString())
        .sort()
    ).toEqual([...shards].sort())
    for (const { cid } of ofType(PinType.shard)) {
      await until(async () => {
        expect((await statuses(0, cid)).filter((status) => status === 'pinned')).toHaveLength(2)
      })
    }
    // CL-9, CL-10
    await expect(at(0).cluster.pins.unpin(dag.cid, {})).rejects.toThrow('cannot unpin a Cluster DAG directly')
    for (const { cid } of ofType(PinType.shard)) {
      await expect(at(1).cluster.pins.unpin(cid, {})).rejects.toThrow('cannot unpin a shard directly')
    }
    // CL-11
    expect((await at(0).cluster.pins.unpin(root, {})).type).toBe(PinType.meta)
    expect(await pins(0)).toEqual([])
    for (const { cid } of all) await expectStatuses(cid, ['unpinned', 'unpinned', 'unpinned'])
  })

  it('takes its shards back when the root is pinned in another way already', async () => {
    await add(at(0), await treeEntries())
    const sharded = add(at(0), await treeEntries(), { shard: true, shardSize: 307_200n })
    await expect(sharded).rejects.toThrow('cannot repin CID with different tracking method')
    expect((await pins(0)).map(({ cid }) => cid.toString())).toEqual([TREE])
    await until(async () => {
      expect((await pins(2)).map(({ cid }) => cid.toString())).toEqual([TREE])
    })
    await at(0).cluster.pins.unpin(CID.parse(TREE), {})
  })

  it('takes its shards back when the source fails', async () => {
    const params = { shard: true, shardSize: 307_200n, replicationFactorMin: 1, replicationFactorMax: 1 }
    const flushed = Promise.withResolvers<undefined>()
    async function* content(): AsyncGenerator<Uint8Array> {
      for (let part = 0; part < 8; part++) yield new Uint8Array(262_144).fill(part)
      await flushed.promise
      throw new Error('the disk is gone')
    }
    const adding = add(at(0), [{ type: 'file', path: 'f', content: content() }], params, (name) => {
      if (name === 'shard-2') flushed.resolve(undefined)
    })
    await expect(adding).rejects.toThrow('the disk is gone')
    expect(await pins(0)).toEqual([])
  })

  it('AD-2: local content is pinned where it was added', async () => {
    const params = { local: true, replicationFactorMin: 1, replicationFactorMax: 1 }
    const { root } = await add(at(2), [file('local', Buffer.from('local'))], params)
    await expectStatuses(root, ['remote', 'remote', 'pinned'])
  })

  it('AD-3: content goes to the peers that the user chose', async () => {
    const userAllocations = [at(0).id, at(1).id]
    const params = { userAllocations, replicationFactorMin: 2, replicationFactorMax: 2 }
    const { root } = await add(at(2), [file('chosen', Buffer.from('chosen'))], params)
    await expectStatuses(root, ['pinned', 'pinned', 'remote'])
  })

  it('AD-5: goes on without a peer that leaves in the middle', async () => {
    const { root } = await add(at(1), [{ type: 'file', path: 'f', content: leaving([0]) }])
    await until(async () => {
      expect((await statuses(1, root)).slice(1)).toEqual(['pinned', 'pinned'])
    })
  })

  it('AD-4: adds while a peer is away', async () => {
    const { root } = await add(at(1), await treeEntries())
    expect(root.toString()).toBe(TREE)
    await until(async () => {
      expect((await statuses(1, root)).slice(1)).toEqual(['pinned', 'pinned'])
    })
  })

  it('AD-6: fails when all peers that shall hold it have left', async () => {
    const params = { replicationFactorMin: 1, replicationFactorMax: 1, userAllocations: [at(2).id] }
    const adding = add(at(1), [{ type: 'file', path: 'f', content: leaving([2]) }], params)
    await expect(adding).rejects.toMatchObject({ message: 'failed to put block on all destinations' })
  })

  /** Content in whose middle peers are stopped. */
  async function* leaving(indexes: readonly number[]): AsyncGenerator<Uint8Array> {
    for (let part = 0; part < 32; part++) {
      if (part === 12) await Promise.all(indexes.map((index) => at(index).stop()))
      yield randomBytes(262_144)
    }
  }
})

async function until(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: PATIENCE_MS, interval: 100 })
}

/** Adds entries; gives all events, and the root of the content. */
async function add(
  { cluster }: Peer,
  entries: Iterable<FileEntry>,
  params: Partial<AddParams> = {},
  onEvent: (name: string) => void = () => undefined
): Promise<{ events: AddedOutput[]; root: CID }> {
  const adding = cluster.content.add(itemsOf(pagesOf(entries)), { ...DEFAULT_ADD_PARAMS, ...params }, {})
  const events: AddedOutput[] = []
  let step = await adding.next()
  for (; step.done !== true; step = await adding.next()) {
    events.push(step.value)
    onEvent(step.value.name)
  }
  return { events, root: step.value }
}

async function* pagesOf<T>(items: Iterable<T>): AsyncGenerator<readonly T[]> {
  await Promise.resolve()
  for (const item of items) yield [item]
}

function file(path: string, bytes: Uint8Array): FileEntry {
  return { type: 'file', path, content: itemsOf(pagesOf([bytes])) }
}

/** The test tree of the specification, in the order in which clients send it. */
async function treeEntries(): Promise<FileEntry[]> {
  const tar = await readFile(new URL('../../testing/vectors/adder/test-tree.tar', import.meta.url))
  const files = new Map<string, Uint8Array>()
  for (let place = 0; place + 512 <= tar.length && tar[place] !== 0;) {
    const text = (from: number, to: number): string =>
      tar.toString('latin1', place + from, place + to).replace(/\0.*$/s, '')
    const size = Number.parseInt(text(124, 136), 8)
    if (text(156, 157) === '0') files.set(text(0, 100), tar.subarray(place + 512, place + 512 + size))
    place += 512 + Math.ceil(size / 512) * 512
  }
  const directory = (path: string): FileEntry => ({ type: 'directory', path: `testTree${path}` })
  const read = (path: string): FileEntry =>
    file(`testTree/${path}`, files.get(`test-tree/${path}`) ?? expect.unreachable(`the archive lacks ${path}`))
  return [
    ...[directory(''), directory('/A'), directory('/A/alpha'), read('A/alpha/small_file_0'), directory('/A/beta')],
    ...[read('A/beta/small_file_1'), directory('/A/delta'), directory('/A/delta/empty'), directory('/A/gamma')],
    ...[read('A/gamma/small_file_3'), read('A/small_file_2'), directory('/B'), read('B/big_file')],
    read('B/medium_file')
  ]
}

async function startPeer(
  baseDir: string,
  name: string,
  secret: string,
  bootstrap: readonly Multiaddr[]
): Promise<Peer> {
  const pubsub = { heartbeat_interval: '1s', d_factor: 4, history_gossip: 2, history_length: 6 }
  const cluster = { peername: name, listen_multiaddress: ANY, mdns_interval: '0s', monitor_ping_interval: '1s', pubsub }
  const overrides = {
    cluster,
    'consensus.crdt': { trusted_peers: ['*'] },
    'api.restapi': { http_listen_multiaddress: ANY },
    'api.ipfsproxy': { listen_multiaddress: ANY },
    'api.pinsvcapi': { http_listen_multiaddress: ANY },
    'informer.disk': { metric_ttl: '5s' },
    'ipfs_connector.embedded': { gateway_listen_multiaddress: '' }
  }
  const choices = { ipfs_connector: 'embedded' }
  const { servicePath, identity } = await initFolder({ baseDir, builtIns, overrides, choices, secret })
  const config = await loadPeerConfig(await readFile(servicePath, 'utf8'), baseDir, {}, builtIns)
  const output = { write: () => undefined }
  const logging = createLogging({ levels: parseLogLevels('critical'), format: 'nocolor', output })
  const addresses = bootstrap.slice(0, 1).map((address) => multiaddr(address.toString()))
  const peer = createPeer({ config, identity, logging, bootstrap: { addresses, trust: true } })
  await peer.start()
  await peer.cluster.health.ready({})
  return peer
}
