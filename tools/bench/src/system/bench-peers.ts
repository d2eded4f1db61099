import { parseIdentity } from '@cluster/config'
import { freePort, fromBundle, initPeer, PeerProcess } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** A peer that is measured. */
export interface BenchPeer {
  readonly process: PeerProcess
  readonly address: Multiaddr
  readonly restUrl: string
  /** From the start of the process until it can be used. */
  readonly readyMs: number
}

/** Peers in a folder of their own, with the settings of a new folder but for ports. */
export class BenchPeers implements AsyncDisposable {
  readonly secret = randomBytes(32)
  readonly peers: BenchPeer[] = []
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async create(): Promise<BenchPeers> {
    return new BenchPeers(await mkdtemp(join(tmpdir(), 'cluster-bench-')))
  }

  /** Starts one more peer, joined to the first, and waits until it is ready. */
  async start(): Promise<BenchPeer> {
    const name = `peer${this.peers.length.toString()}`
    const folder = join(this.#folder, name)
    const [swarm, rest] = await Promise.all([freePort(0), freePort(0)])
    const env = {
      CLUSTER_PEERNAME: name,
      CLUSTER_SECRET: this.secret.toString('hex'),
      CLUSTER_LISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${swarm.toString()}`,
      CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${rest.toString()}`,
      CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: '/ip4/127.0.0.1/tcp/0',
      CLUSTER_MDNSINTERVAL: '0s'
    }
    const setup = { name, folder, env, program: fromBundle('service') }
    await initPeer(setup)
    const { id } = parseIdentity(await readFile(join(folder, 'identity.json'), 'utf8'))
    const [first] = this.peers
    const begun = performance.now()
    const process = new PeerProcess(setup, first === undefined ? [] : ['--bootstrap', first.address.toString()])
    await process.ready()
    const peer = {
      process,
      address: multiaddr(`${env.CLUSTER_LISTENMULTIADDRESS}/p2p/${id.toString()}`),
      restUrl: `http://127.0.0.1:${rest.toString()}`,
      readyMs: performance.now() - begun
    }
    this.peers.push(peer)
    return peer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map(({ process }) => process.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }
}
