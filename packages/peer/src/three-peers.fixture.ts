import { trackerStatusToString, type GlobalPinInfo, type Pin } from '@cluster/api'
import { createLogging, parseLogLevels } from '@cluster/observability'
import { FakeKubo } from '@cluster/testing'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { builtIns } from './built-ins.ts'
import { initFolder } from './init-folder.ts'
import { createPeer, type Peer } from './peer.ts'
import { loadPeerConfig } from './peer-config.ts'

const ANY = '/ip4/127.0.0.1/tcp/0'
/** Other work may take the machine: what is waited for is never expected to take so long. */
const PATIENCE_MS = 60_000
const INTERVAL_MS = 100

/** A status as the recorded scenarios have it. */
export type ShownStatus = readonly [status: string, error: string, attempts: number, priority: boolean]

/** One of three peers, and the daemon beside it. */
export interface ScenarioPeer {
  readonly name: string
  readonly kubo: FakeKubo
  readonly lines: string[]
  readonly peer: Peer
}

/** Three peers over real sockets, each with a stand-in for Kubo, set up as those were that the scenarios were recorded from. */
export class ThreePeers implements AsyncDisposable {
  readonly folder: string
  readonly peers: readonly ScenarioPeer[]

  private constructor(folder: string, peers: readonly ScenarioPeer[]) {
    this.folder = folder
    this.peers = peers
  }

  /** @param texts - what a real daemon answers */
  static async start(texts: Readonly<Record<string, string>>): Promise<ThreePeers> {
    const folder = await mkdtemp(join(tmpdir(), 'three-peers-'))
    const secret = randomBytes(32).toString('hex')
    const peers: ScenarioPeer[] = []
    let first: readonly Multiaddr[] = []
    for (const name of ['peer0', 'peer1', 'peer2']) {
      const kubo = await FakeKubo.listen(texts)
      const started = await startPeer(join(folder, name), name, kubo, secret, first)
      peers.push(started)
      if (first.length === 0) first = (await started.peer.cluster.members.id({})).addresses ?? []
    }
    const cluster = new ThreePeers(folder, peers)
    await cluster.until(() => {
      for (const { peer } of peers) {
        for (const name of ['ping', 'freespace', 'tag:group']) {
          const count = peer.cluster.health.latestMetrics(name).length
          if (count !== peers.length) throw new Error(`${count} metrics ${name}`)
        }
      }
    })
    return cluster
  }

  peer(index: number): ScenarioPeer {
    const peer = this.peers[index]
    if (peer === undefined) throw new RangeError(`there is no peer ${index}`)
    return peer
  }

  /** The name of a peer ID, which may be a text. */
  nameOf(id: { toString(): string }): string {
    return this.peers.find(({ peer }) => peer.id.toString() === id.toString())?.name ?? id.toString()
  }

  holders({ allocations }: Pin): string[] {
    return (allocations ?? []).map((id) => this.nameOf(id))
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

  /** Tries again until nothing is thrown. */
  async until<T>(check: () => T | Promise<T>): Promise<T> {
    return await vi.waitFor(check, { timeout: PATIENCE_MS, interval: INTERVAL_MS })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map(({ peer }) => peer.stop()))
    await Promise.all(this.peers.map(({ kubo }) => kubo.close().catch(() => undefined)))
    await rm(this.folder, { recursive: true })
  }
}

async function startPeer(
  baseDir: string,
  name: string,
  kubo: FakeKubo,
  secret: string,
  bootstrap: readonly Multiaddr[]
): Promise<ScenarioPeer> {
  const pubsub = { heartbeat_interval: '1s', d_factor: 4, history_gossip: 2, history_length: 6 }
  const overrides = {
    cluster: {
      peername: name,
      listen_multiaddress: ANY,
      mdns_interval: '0s',
      disable_repinning: false,
      monitor_ping_interval: '2s',
      state_sync_interval: '3s',
      pin_recover_interval: '10m',
      pubsub
    },
    'consensus.crdt': { trusted_peers: ['*'] },
    'api.restapi': { http_listen_multiaddress: ANY },
    'api.ipfsproxy': { listen_multiaddress: ANY },
    'api.pinsvcapi': { http_listen_multiaddress: ANY },
    'monitor.pubsubmon': { check_interval: '2s' },
    'informer.disk': { metric_ttl: '6s', metric_type: 'freespace' },
    'ipfs_connector.ipfshttp': { node_multiaddress: `/ip4/127.0.0.1/tcp/${kubo.port}`, pin_timeout: '3s' }
  }
  const choices = { ipfs_connector: 'ipfshttp' }
  const { servicePath, identity } = await initFolder({ baseDir, builtIns, overrides, choices, secret })
  const config = await loadPeerConfig(await readFile(servicePath, 'utf8'), baseDir, {}, builtIns)
  const lines: string[] = []
  const output = { write: (line: string) => lines.push(line) }
  const logging = createLogging({ levels: parseLogLevels('info'), format: 'nocolor', output })
  const addresses = bootstrap.slice(0, 1).map((address) => multiaddr(address.toString()))
  const peer = createPeer({ config, identity, logging, bootstrap: { addresses, trust: true } })
  await peer.start()
  await peer.cluster.health.ready({})
  return { name, kubo, lines, peer }
}
