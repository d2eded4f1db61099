import { DEFAULT_ADD_PARAMS, itemsOf, pinOf, TrackerStatus } from '@cluster/api'
import { createLogging, parseLogLevels } from '@cluster/observability'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { builtIns } from './built-ins.ts'
import { initFolder } from './init-folder.ts'
import { createPeer, type Peer } from './peer.ts'
import { loadPeerConfig } from './peer-config.ts'

const ANY = '/ip4/127.0.0.1/tcp/0'
/** Other work may take the machine. */
const PATIENCE_MS = 60_000
const RAW = 0x55
const CONTENT = Buffer.from('peer management')

describe('peers that manage each other', { timeout: 180_000 }, () => {
  let folder: string
  const peers: Peer[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peer-management-'))
  })
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.stop()))
    await rm(folder, { recursive: true })
  }, PATIENCE_MS)

  async function start(name: string, secret: string, cluster: Readonly<Record<string, unknown>> = {}): Promise<Peer> {
    const baseDir = join(folder, name)
    const pubsub = { heartbeat_interval: '1s', d_factor: 4, history_gossip: 2, history_length: 6 }
    const overrides = {
      cluster: {
        peername: name,
        listen_multiaddress: ANY,
        mdns_interval: '0s',
        monitor_ping_interval: '1s',
        pubsub,
        ...cluster
      },
      'consensus.crdt': { trusted_peers: ['*'] },
      'api.restapi': { http_listen_multiaddress: ANY },
      'api.ipfsproxy': { listen_multiaddress: ANY },
      'api.pinsvcapi': { http_listen_multiaddress: ANY },
      'ipfs_connector.embedded': { gateway_listen_multiaddress: '' }
    }
    const choices = { ipfs_connector: 'embedded' }
    const { servicePath, identity } = await initFolder({ baseDir, builtIns, overrides, choices, secret })
    const config = await loadPeerConfig(await readFile(servicePath, 'utf8'), baseDir, {}, builtIns)
    const logging = createLogging({
      levels: parseLogLevels('critical'),
      format: 'nocolor',
      output: { write: () => undefined }
    })
    const peer = createPeer({ config, identity, logging })
    peers.push(peer)
    await peer.start()
    await peer.cluster.health.ready({})
    return peer
  }
  const addressOf = async ({ cluster }: Peer): Promise<Multiaddr> => {
    const [address] = (await cluster.members.id({})).addresses ?? []
    if (address === undefined) throw new Error('it listens nowhere')
    return multiaddr(address.toString())
  }
  const until = async (check: () => Promise<void>): Promise<void> => {
    await vi.waitFor(check, { timeout: PATIENCE_MS, interval: 100 })
  }
  const expectMembers = async (some: readonly Peer[]): Promise<void> => {
    await until(async () => {
      for (const { cluster } of some) {
        const ids = await Array.fromAsync(cluster.members.peers({}))
        expect(ids.map(({ id, error }) => `${id.toString()} ${error}`.trim()).sort()).toEqual(
          some.map(({ id }) => id.toString()).sort()
        )
      }
    })
  }
  const add = async ({ cluster }: Peer): Promise<CID> => {
    const cid = CID.createV1(RAW, await sha256.digest(CONTENT))
    async function* content(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(CONTENT)
    }
    async function* entries(): AsyncGenerator<{ type: 'file'; path: string; content: AsyncGenerator<Uint8Array> }> {
      yield await Promise.resolve({ type: 'file' as const, path: 'a', content: content() })
    }
    const adding = cluster.content.add(entries(), { ...DEFAULT_ADD_PARAMS, rawLeaves: true, cidVersion: 1 }, {})
    for (let step = await adding.next(); step.done !== true; step = await adding.next());
    return cid
  }
  const expectPinned = async (some: readonly Peer[], cid: CID): Promise<void> => {
    await until(async () => {
      for (const { cluster } of some) {
        expect((await cluster.pins.get(cid, {})).cid.equals(cid)).toBe(true)
        const [own] = (await cluster.statuses.status(cid, { local: true })).peerMap?.values() ?? []
        expect(own?.status).toBe(TrackerStatus.pinned)
      }
    })
  }

  it('CS-1, PM-9: peers that join at the same time all see each other, and get the pins', async () => {
    const secret = randomBytes(32).toString('hex')
    const first = await start('peer0', secret)
    const others = [await start('peer1', secret), await start('peer2', secret)]
    const address = await addressOf(first)
    await Promise.all(others.map(({ cluster }) => cluster.members.join(address, {})))
    const all = [first, ...others]
    await expectMembers(all)
    for (const { cluster } of all) expect(cluster.health.version()).toEqual({ version: '1.1.6' })
    await expectPinned(all, await add(first))
  })

  it('PM-3: a peer of a cluster that lost another one takes in a third', async () => {
    const secret = randomBytes(32).toString('hex')
    const [first, second] = [await start('peer0', secret), await start('peer1', secret)]
    await second.cluster.members.join(await addressOf(first), {})
    await expectMembers([first, second])
    await second.stop()
    const third = await start('peer2', secret)
    await third.cluster.members.join(await addressOf(first), {})
    const answer = await first.cluster.members.add(third.id, {})
    expect(answer.id.equals(third.id)).toBe(true)
    await expectMembers([first, third])
  })

  it('PM-10: a peer that left, and forgot the pinset, gets it again when it joins', async () => {
    const secret = randomBytes(32).toString('hex')
    const first = await start('peer0', secret, { leave_on_shutdown: true })
    const second = await start('peer1', secret)
    await second.cluster.members.join(await addressOf(first), {})
    await expectMembers([first, second])
    const kept = await add(first)
    await expectPinned([first, second], kept)
    await first.stop()
    const meanwhile = CID.createV1(RAW, await sha256.digest(Buffer.from('while it was away')))
    await second.cluster.pins.pin(pinOf(meanwhile), {})
    const again = await start('peer0', secret)
    expect(again.id.equals(first.id)).toBe(true)
    expect(await Array.fromAsync(itemsOf(again.cluster.pins.list({})))).toEqual([])
    await again.cluster.members.join(await addressOf(second), {})
    await expectPinned([again, second], kept)
    await until(async () => {
      expect((await again.cluster.pins.get(meanwhile, {})).cid.equals(meanwhile)).toBe(true)
    })
  })

  it('PM-12: peers of one secret see each other; one of another secret cannot join', async () => {
    const [secret, other] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
    const [first, second] = [await start('peer0', secret), await start('peer1', secret)]
    const stranger = await start('peer2', other)
    await second.cluster.members.join(await addressOf(first), {})
    expect((await first.cluster.members.add(second.id, {})).error).toBe('')
    await expectMembers([first, second])
    await expect(stranger.cluster.members.join(await addressOf(first), {})).rejects.toThrow()
    expect(await Array.fromAsync(stranger.cluster.members.peers({}))).toHaveLength(1)
  })

  it('CS-11: all peers are stopped three times at once', async () => {
    const secret = randomBytes(32).toString('hex')
    const some = [await start('peer0', secret), await start('peer1', secret)]
    await Promise.all(some.flatMap((peer) => [peer.stop(), peer.stop(), peer.stop()]))
    for (const { done } of some) await done
  })
})
