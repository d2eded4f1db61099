import {
  itemsOf,
  pinOf,
  trackerStatusToString,
  TrackerStatus,
  type GlobalPinInfo,
  type Pin,
  type PinOptions
} from '@cluster/api'
import { createLogging, parseLogLevels } from '@cluster/observability'
import { FakeKubo } from '@cluster/testing'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { builtIns } from '../built-ins.ts'
import { initFolder } from '../init-folder.ts'
import { loadPeerConfig } from '../peer-config.ts'
import { createPeer, type Peer } from '../peer.ts'
import { comparable, kuboTexts, type ShownStatus, type Statuses } from './recorded.fixture.ts'

const ANY = '/ip4/127.0.0.1/tcp/0'
/** Other work may take the machine: what is waited for is never expected to take so long. */
const PATIENCE_MS = 60_000
const INTERVAL_MS = 100
const DAG_PB = 0x70
/** Bytes of content: what a daemon has fetched shows in its free space. */
const CONTENT_BYTES = 1_000

/** One of three peers, and the daemon beside it. */
interface ScenarioPeer {
  readonly name: string
  readonly kubo: FakeKubo
  readonly lines: string[]
  readonly peer: Peer
}

/** How the peers are set up otherwise than by default: keys of sections of `service.json`. */
interface ScenarioSettings {
  /** How long a pin may make no progress. */
  readonly pinTimeout: string
  /** How long metrics other than pings live. */
  readonly metricTtl: string
}

const DEFAULTS: ScenarioSettings = { pinTimeout: '2s', metricTtl: '6s' }

/** Three peers over real sockets, each with a stand-in for Kubo, set up as those were that the scenarios were recorded from. */
export class ThreePeers implements AsyncDisposable {
  readonly #folder: string
  readonly #settings: ScenarioSettings
  readonly #secret = randomBytes(32).toString('hex')
  readonly #peers: ScenarioPeer[] = []
  #bootstrap: readonly Multiaddr[] = []

  private constructor(folder: string, settings: ScenarioSettings) {
    this.#folder = folder
    this.#settings = settings
  }

  static async start(settings: Partial<ScenarioSettings> = {}): Promise<ThreePeers> {
    const folder = await mkdtemp(join(tmpdir(), 'three-peers-'))
    const cluster = new ThreePeers(folder, { ...DEFAULTS, ...settings })
    for (const name of ['peer0', 'peer1', 'peer2']) {
      cluster.#peers.push(await cluster.#start(name, await FakeKubo.listen(kuboTexts), []))
      if (name === 'peer0') cluster.#bootstrap = (await cluster.peer(0).cluster.members.id({})).addresses ?? []
    }
    await cluster.until(() => {
      for (const { peer } of cluster.#peers) {
        for (const name of ['ping', 'freespace', 'tag:group']) {
          const count = peer.cluster.health.latestMetrics(name).length
          if (count !== cluster.#peers.length) throw new Error(`${count} metrics ${name}`)
        }
      }
    })
    return cluster
  }

  get peers(): readonly ScenarioPeer[] {
    return this.#peers
  }

  peer(index: number): Peer {
    return this.#at(index).peer
  }

  kubo(index: number): FakeKubo {
    return this.#at(index).kubo
  }

  /** Starts a peer that was stopped. */
  async restart(index: number): Promise<void> {
    const { name, kubo, lines } = this.#at(index)
    this.#peers[index] = await this.#start(name, kubo, lines)
  }

  /** The name of a peer ID, which may be a text. */
  nameOf(id: { toString(): string }): string {
    return this.#peers.find(({ peer }) => peer.id.toString() === id.toString())?.name ?? id.toString()
  }

  holders({ allocations }: Pin): string[] {
    return (allocations ?? []).map((id) => this.nameOf(id))
  }

  /** Pins at a peer. */
  async pin(index: number, cid: CID, options: Partial<PinOptions> = {}): Promise<Pin> {
    return await this.peer(index).cluster.pins.pin(pinOf(cid, options), {})
  }

  /** The status of a pin, as a peer tells it. */
  async status(index: number, cid: CID, { local = false } = {}): Promise<Statuses> {
    return this.shown(await this.peer(index).cluster.statuses.status(cid, { local }))
  }

  /** The status of a pin in a listing of everything. */
  async listed(
    index: number,
    cid: CID,
    filter: TrackerStatus = TrackerStatus.undefined,
    { local = false } = {}
  ): Promise<Statuses> {
    for await (const info of itemsOf(this.peer(index).cluster.statuses.statusAll(filter, { local }))) {
      if (info.cid.equals(cid)) return this.shown(info)
    }
    return {}
  }

  /** Statuses by the names of the peers. */
  shown({ peerMap }: GlobalPinInfo): Record<string, ShownStatus> {
    return Object.fromEntries(
      [...(peerMap ?? [])].map(([id, { status, error, attemptCount, priorityPin }]) => [
        this.nameOf(id),
        [trackerStatusToString(status), error, attemptCount, priorityPin] as const
      ])
    )
  }

  /** Content that some daemons can fetch; by default all. */
  async content(text: string, at: readonly number[] = [0, 1, 2]): Promise<CID> {
    const cid = await absentContent(text)
    for (const index of at) this.kubo(index).provide([{ cid, bytes: new Uint8Array(CONTENT_BYTES) }])
    return cid
  }

  /** Waits until statuses are those that were recorded. */
  async reaches(ask: () => Promise<Statuses>, wanted: Statuses): Promise<void> {
    await this.until(async () => {
      expect(comparable(await ask())).toEqual(comparable(wanted))
    })
  }

  /** Tries again until nothing is thrown. */
  async until<T>(check: () => T | Promise<T>): Promise<T> {
    return await vi.waitFor(check, { timeout: PATIENCE_MS, interval: INTERVAL_MS })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map(({ peer }) => peer.stop()))
    await Promise.all(this.#peers.map(({ kubo }) => kubo.close().catch(() => undefined)))
    await rm(this.#folder, { recursive: true })
  }

  #at(index: number): ScenarioPeer {
    const peer = this.#peers[index]
    if (peer === undefined) throw new RangeError(`there is no peer ${index}`)
    return peer
  }

  async #start(name: string, kubo: FakeKubo, lines: string[]): Promise<ScenarioPeer> {
    const baseDir = join(this.#folder, name)
    const { pinTimeout, metricTtl } = this.#settings
    const ipfs = { node_multiaddress: `/ip4/127.0.0.1/tcp/${kubo.port}`, pin_timeout: pinTimeout }
    const overrides = {
      cluster: { ...CLUSTER, peername: name },
      'consensus.crdt': { trusted_peers: ['*'] },
      'api.restapi': { http_listen_multiaddress: ANY },
      'api.ipfsproxy': { listen_multiaddress: ANY },
      'api.pinsvcapi': { http_listen_multiaddress: ANY },
      'monitor.pubsubmon': { check_interval: '2s' },
      'informer.disk': { metric_ttl: metricTtl, metric_type: 'freespace' },
      'informer.tags': { metric_ttl: metricTtl, tags: { group: 'default' } },
      'informer.pinqueue': { metric_ttl: metricTtl },
      'ipfs_connector.ipfshttp': ipfs
    }
    const choices = { ipfs_connector: 'ipfshttp' }
    const files = await initFolder({ baseDir, builtIns, overrides, choices, secret: this.#secret })
    const config = await loadPeerConfig(await readFile(files.servicePath, 'utf8'), baseDir, {}, builtIns)
    const output = { write: (line: string) => lines.push(line) }
    const logging = createLogging({ levels: parseLogLevels('info'), format: 'nocolor', output })
    const addresses = this.#bootstrap.slice(0, 1).map((address) => multiaddr(address.toString()))
    const peer = createPeer({ config, identity: files.identity, logging, bootstrap: { addresses, trust: true } })
    await peer.start()
    await peer.cluster.health.ready({})
    return { name, kubo, lines, peer }
  }
}

const CLUSTER = {
  listen_multiaddress: ANY,
  mdns_interval: '0s',
  disable_repinning: false,
  monitor_ping_interval: '2s',
  state_sync_interval: '1s',
  pin_recover_interval: '10m',
  pubsub: { heartbeat_interval: '1s', d_factor: 4, history_gossip: 2, history_length: 6 }
}

/** Content that no daemon can fetch. */
export async function absentContent(text: string): Promise<CID> {
  return CID.createV1(DAG_PB, await sha256.digest(Buffer.from(`status scenarios, ${text}`)))
}

/** Options of a pin with these replication factors. */
export function factors(replicationFactorMin: number, replicationFactorMax: number): Partial<PinOptions> {
  return { replicationFactorMin, replicationFactorMax }
}
