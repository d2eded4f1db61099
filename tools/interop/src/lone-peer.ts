import { freePort, fromBundle, initPeer, PeerProcess } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One peer of ours with IPFS inside, as a process, in a cluster of its own. */
export class LonePeer implements AsyncDisposable {
  /** A folder for the files of a test. */
  readonly folder: string
  /** Multiaddress of its REST API. */
  readonly rest: string
  readonly restUrl: string
  readonly gatewayUrl: string
  readonly #process: PeerProcess

  private constructor(folder: string, rest: number, gateway: number, process: PeerProcess) {
    this.folder = folder
    this.rest = `/ip4/127.0.0.1/tcp/${rest.toString()}`
    this.restUrl = `http://127.0.0.1:${rest.toString()}/`
    this.gatewayUrl = `http://127.0.0.1:${gateway.toString()}/`
    this.#process = process
  }

  /**
   * @param env - more settings, as variables `CLUSTER_…`
   * @param initArgs - more arguments of `init`
   */
  static async start(env: Readonly<Record<string, string>> = {}, initArgs: readonly string[] = []): Promise<LonePeer> {
    const folder = await mkdtemp(join(tmpdir(), 'cluster-interop-'))
    const [swarm, rest, gateway] = await Promise.all([freePort(0), freePort(0), freePort(0)])
    const tcp = (port: number): string => `/ip4/127.0.0.1/tcp/${port.toString()}`
    const setup = {
      name: 'ours',
      folder: join(folder, 'peer'),
      program: fromBundle('service'),
      env: {
        CLUSTER_PEERNAME: 'ours',
        CLUSTER_SECRET: randomBytes(32).toString('hex'),
        CLUSTER_LISTENMULTIADDRESS: tcp(swarm),
        CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: tcp(rest),
        CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: tcp(gateway),
        CLUSTER_MONITORPINGINTERVAL: '2s',
        CLUSTER_DISK_METRICTTL: '10s',
        CLUSTER_MDNSINTERVAL: '0s',
        ...env
      }
    }
    await initPeer(setup, initArgs)
    const process = new PeerProcess({ ...setup, env: {} })
    const peer = new LonePeer(folder, rest, gateway, process)
    try {
      await process.ready()
    } catch (error) {
      await peer[Symbol.asyncDispose]()
      throw error
    }
    return peer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}
