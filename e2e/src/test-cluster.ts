import { parseIdentity } from '@cluster/config'
import { freePort, fromBundle, initPeer, PeerProcess, run, type Outcome } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A peer of a test: its folder and ports outlive its processes. */
export interface TestPeer {
  readonly name: string
  readonly folder: string
  readonly id: string
  /** Where other peers reach it. */
  readonly address: string
  readonly restPort: number
  readonly gatewayUrl: string
  start(...args: string[]): PeerProcess
  /** Runs `ipfs-cluster-ctl` against it. */
  ctl(...args: string[]): Promise<Outcome>
}

/** A folder of peers, and everything that was started in it. */
export class TestCluster implements AsyncDisposable {
  readonly folder: string
  readonly #processes: PeerProcess[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(): Promise<TestCluster> {
    return new TestCluster(await mkdtemp(join(tmpdir(), 'cluster-e2e-')))
  }

  /** Inits a peer by the program's own `init`, to which more arguments may be given. */
  async peer(
    name: string,
    secret: string,
    env: Readonly<Record<string, string>> = {},
    initArgs: readonly string[] = []
  ): Promise<TestPeer> {
    const folder = join(this.folder, name)
    const [swarm, restPort, gateway] = await Promise.all([freePort(0), freePort(0), freePort(0)])
    const tcp = (port: number): string => `/ip4/127.0.0.1/tcp/${port.toString()}`
    const setup = {
      name,
      folder,
      program: fromBundle('service'),
      env: {
        CLUSTER_PEERNAME: name,
        CLUSTER_SECRET: secret,
        CLUSTER_LISTENMULTIADDRESS: tcp(swarm),
        CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: tcp(restPort),
        CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: tcp(gateway),
        CLUSTER_PUBSUB_HEARTBEATINTERVAL: '1s',
        CLUSTER_MONITORPINGINTERVAL: '2s',
        CLUSTER_DISK_METRICTTL: '10s',
        // Clusters of other tests run on this machine: only tests of discovery want to see them.
        CLUSTER_MDNSINTERVAL: '0s',
        ...env
      }
    }
    await initPeer(setup, initArgs)
    const { id } = parseIdentity(await readFile(join(folder, 'identity.json'), 'utf8'))
    return {
      name,
      folder,
      id: id.toString(),
      address: `${tcp(swarm)}/p2p/${id.toString()}`,
      restPort,
      gatewayUrl: `http://127.0.0.1:${gateway.toString()}`,
      // The environment was written to service.json by init: the daemon runs without it, as an operator's would.
      start: (...args) => {
        const process = new PeerProcess({ ...setup, env: {} }, args)
        this.#processes.push(process)
        return process
      },
      ctl: (...args) => run(fromBundle('ctl'), ['--host', tcp(restPort), ...args])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()))
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A new cluster secret. */
export function newSecret(): string {
  return randomBytes(32).toString('hex')
}

/**
 * Asks again until the answer is as wanted. For what another process does in its own time and tells nobody.
 *
 * @throws {Error} with the last answer when the time is over
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  limitMs = 30_000
): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (Date.now() > end) throw new Error(`not within ${limitMs.toString()} ms: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
