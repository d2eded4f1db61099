import type { PeerProcess } from '@cluster/processes'
import { createCipheriv, createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { eventually, newSecret, TestCluster, type TestPeer } from '../test-cluster.ts'

const PIECE_BYTES = 1024 * 1024
/** A peer that has gone is noticed, and its pins are given to others, within this time. */
const HEAL_LIMIT_MS = 120_000

/** Three peers with IPFS inside; two of them hold each pin. */
export class AddingCluster implements AsyncDisposable {
  readonly peers: readonly TestPeer[]
  readonly folder: string
  readonly #cluster: TestCluster
  readonly #processes: readonly PeerProcess[]

  private constructor(cluster: TestCluster, peers: readonly TestPeer[], processes: readonly PeerProcess[]) {
    this.#cluster = cluster
    this.peers = peers
    this.folder = cluster.folder
    this.#processes = processes
  }

  /**
   * @param env - more settings of each peer
   * @param initArgs - more arguments of `init`
   */
  static async start(
    env: (index: number) => Readonly<Record<string, string>> = () => ({}),
    initArgs: readonly string[] = []
  ): Promise<AddingCluster> {
    const cluster = await TestCluster.create()
    const secret = newSecret()
    const peers: TestPeer[] = []
    for (const [index, name] of ['alpha', 'beta', 'gamma'].entries()) {
      const settings = {
        CLUSTER_REPLICATIONFACTORMIN: '2',
        CLUSTER_REPLICATIONFACTORMAX: '2',
        CLUSTER_DISK_METRICTTL: '4s',
        CLUSTER_REPAIR_INTERVAL: '2s',
        CLUSTER_REPAIR_GRACEPERIOD: '8s',
        ...env(index)
      }
      peers.push(await cluster.peer(name, secret, settings, initArgs))
    }
    const [first] = peers
    const processes = peers.map((peer) => peer.start(...(peer === first ? [] : ['-j', first?.address ?? ''])))
    const started = new AddingCluster(cluster, peers, processes)
    try {
      await Promise.all(processes.map((process) => process.ready()))
      for (const peer of peers) {
        const url = `http://127.0.0.1:${peer.restPort.toString()}/monitor/metrics/freespace`
        await eventually(
          async () => await (await fetch(url)).text(),
          (text) => text.match(/"peer":/g)?.length === peers.length
        )
      }
    } catch (error) {
      await started[Symbol.asyncDispose]()
      throw error
    }
    return started
  }

  peer(index: number): TestPeer {
    const peer = this.peers[index]
    if (peer === undefined) throw new RangeError(`there is no peer ${index.toString()}`)
    return peer
  }

  /** Ends a peer as a crash would. */
  async kill(index: number): Promise<void> {
    await this.#processes[index]?.kill()
  }

  /** Writes a file of bytes that no other has. */
  async write(name: string, bytes: number): Promise<string> {
    const path = join(this.folder, name)
    await pipeline(Readable.from(contentOf(name, bytes)), createWriteStream(path))
    return path
  }

  /** Waits until so many peers have pinned something. */
  async untilPinned(cid: string, count: number, by = 0): Promise<string> {
    const { stdout } = await eventually(
      () => this.peer(by).ctl('status', cid),
      (status) => status.stdout.match(/: PINNED \|/g)?.length === count,
      HEAL_LIMIT_MS
    )
    return stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]()
  }
}

/** Bytes that look random and are the same each time. */
function* contentOf(seed: string, bytes: number): Generator<Uint8Array> {
  const cipher = createCipheriv(
    'aes-128-ctr',
    createHash('sha256').update(seed).digest().subarray(0, 16),
    new Uint8Array(16)
  )
  const zeros = new Uint8Array(PIECE_BYTES)
  for (let made = 0; made < bytes; made += PIECE_BYTES) {
    yield cipher.update(zeros.subarray(0, Math.min(PIECE_BYTES, bytes - made)))
  }
}

/** SHA-256 of {@link contentOf}. */
export function hashOf(seed: string, bytes: number): string {
  const hash = createHash('sha256')
  for (const part of contentOf(seed, bytes)) hash.update(part)
  return hash.digest('hex')
}

/** SHA-256 of what the gateway of a peer gives. */
async function readHash(peer: TestPeer, cid: string): Promise<string> {
  const response = await fetch(`${peer.gatewayUrl}/ipfs/${cid}`)
  if (!response.ok || response.body === null) throw new Error(`${peer.name}: ${response.status.toString()}`)
  const hash = createHash('sha256')
  for await (const part of response.body as AsyncIterable<Uint8Array>) hash.update(part)
  return hash.digest('hex')
}

/** A URL whose content stops at its half, until it may go on. */
export async function heldUrl(
  seed: string,
  bytes: number,
  half: () => Promise<void>
): Promise<AsyncDisposable & { readonly url: string; readonly failure: () => unknown }> {
  let failure: unknown
  async function* held(): AsyncGenerator<Uint8Array> {
    let sent = 0
    for (const part of contentOf(seed, bytes)) {
      if (sent * 2 < bytes && (sent + part.length) * 2 >= bytes) await half()
      sent += part.length
      yield part
    }
  }
  const server = createServer((_, response) => {
    pipeline(Readable.from(held()), response).catch((error: unknown) => {
      failure = error
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port.toString() : ''
  return {
    url: `http://127.0.0.1:${port}/${seed}`,
    failure: () => failure,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** What came of {@link addAndRead}. */
export interface Added {
  readonly cid: string
  /** By name of the peer: whether its gateway gave the content back. */
  readonly read: Readonly<Record<string, boolean>>
  /** How many pins there are of each type. */
  readonly pins: Readonly<Record<string, number>>
}

/** Adds so much to a cluster, whole or in shards, waits until it is pinned, and reads it at every peer. */
export async function addAndRead(
  cluster: AddingCluster,
  name: string,
  bytes: number,
  args: readonly string[] = []
): Promise<Added> {
  const path = await cluster.write(name, bytes)
  const added = await cluster.peer(0).ctl('add', '-Q', '--name', name, '--wait', ...args, path)
  if (added.exitCode !== 0) throw new Error(`add: ${added.stdout}${added.stderr}`)
  const cid = added.stdout.trim()
  const wanted = hashOf(name, bytes)
  const read: Record<string, boolean> = {}
  for (const peer of cluster.peers) read[peer.name] = (await readHash(peer, cid)) === wanted
  const pins: Record<string, number> = {}
  for (const type of ['pin', 'shard-pin', 'clusterdag-pin', 'meta-pin']) {
    const { stdout } = await cluster.peer(1).ctl('pin', 'ls', '--filter', type)
    pins[type] = stdout.split('\n').filter((line) => line.includes(`| ${name}`)).length
  }
  return { cid, read, pins }
}

/** Adds so much while one of its two holders is killed in the middle; gives the peers that hold it in the end. */
export async function addWhileOneDies(cluster: AddingCluster, bytes: number): Promise<readonly string[]> {
  const name = 'survivor'
  await using source = await heldUrl(name, bytes, () => cluster.kill(1))
  const holders = [cluster.peer(0).id, cluster.peer(1).id].join(',')
  const added = await cluster.peer(0).ctl('add', '-Q', '--allocs', holders, source.url)
  if (added.exitCode !== 0) throw new Error(`add: ${added.stdout}${added.stderr}; ${String(source.failure())}`)
  const cid = added.stdout.trim()
  const status = await cluster.untilPinned(cid, 2)
  if ((await readHash(cluster.peer(2), cid)) !== hashOf(name, bytes)) throw new Error('it is not what was added')
  return cluster.peers.filter((peer) => new RegExp(`> ${peer.name} +: PINNED`).test(status)).map((peer) => peer.name)
}
