import { parseIdentity } from '@cluster/config'
import { freePort, fromBundle, initPeer, PeerProcess, type PeerSetup } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** Where the CPU profiles of peers go, one file a process; see README.md. */
const profiles = process.env['BENCH_CPU_PROFILES']

/** A peer that is measured. */
export interface BenchPeer {
  readonly name: string
  readonly folder: string
  readonly process: PeerProcess
  readonly address: Multiaddr
  readonly restUrl: string
  /** From the start of the process until it can be used. */
  readonly readyMs: number
  /** Stops the process, and starts it again on the same folder. */
  restart(): Promise<BenchPeer>
}

/** What differs from the settings of a new folder. */
export interface BenchPeerOptions {
  /** The Kubo beside it, as a multiaddress; without one IPFS is inside. */
  readonly daemon?: string
  readonly env?: Readonly<Record<string, string>>
  /** Gets the new folder before the peer is started. */
  readonly beforeStart?: (folder: string) => Promise<void>
}

/** Peers in a folder of their own, with the settings of a new folder but for ports. */
export class BenchPeers implements AsyncDisposable {
  readonly secret = randomBytes(32)
  /** All that were started, the current process of each. */
  readonly peers: BenchPeer[] = []
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(): Promise<BenchPeers> {
    return new BenchPeers(await mkdtemp(join(tmpdir(), 'cluster-bench-')))
  }

  /** Starts one more peer, joined to the first, and waits until it is ready. */
  async start({ daemon, env: more = {}, beforeStart }: BenchPeerOptions = {}): Promise<BenchPeer> {
    const name = `peer${this.peers.length.toString()}`
    const folder = join(this.folder, name)
    const [swarm, rest] = await Promise.all([freePort(0), freePort(0)])
    const env = {
      CLUSTER_PEERNAME: name,
      CLUSTER_SECRET: this.secret.toString('hex'),
      CLUSTER_LISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${swarm.toString()}`,
      CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${rest.toString()}`,
      CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: '/ip4/127.0.0.1/tcp/0',
      CLUSTER_MDNSINTERVAL: '0s',
      ...(daemon === undefined ? {} : { CLUSTER_IPFSHTTP_NODEMULTIADDRESS: daemon }),
      ...more
    }
    const setup = { name, folder, env, program: fromBundle('service') }
    await initPeer(setup, daemon === undefined ? [] : ['--ipfs', 'ipfshttp'])
    await beforeStart?.(folder)
    const { id } = parseIdentity(await readFile(join(folder, 'identity.json'), 'utf8'))
    const [first] = this.peers
    return this.#run(setup, this.peers.length, {
      args: first === undefined ? [] : ['--bootstrap', first.address.toString()],
      address: multiaddr(`${env.CLUSTER_LISTENMULTIADDRESS}/p2p/${id.toString()}`),
      restUrl: `http://127.0.0.1:${rest.toString()}`
    })
  }

  async #run(
    setup: PeerSetup,
    place: number,
    at: { readonly args: readonly string[] } & Pick<BenchPeer, 'address' | 'restUrl'>
  ): Promise<BenchPeer> {
    const { name, folder } = setup
    const { args, address, restUrl } = at
    const profile = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles ?? ''}/${name}` }
    const begun = performance.now()
    const process = new PeerProcess(
      { ...setup, env: profiles === undefined ? setup.env : { ...setup.env, ...profile } },
      args
    )
    await process.ready()
    const peer: BenchPeer = {
      name,
      folder,
      process,
      address,
      restUrl,
      readyMs: performance.now() - begun,
      restart: async () => {
        await process.stop()
        return this.#run(setup, place, { ...at, args: [] })
      }
    }
    this.peers[place] = peer
    return peer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map(({ process }) => process.stop()))
    await rm(this.folder, { recursive: true, force: true })
  }
}
