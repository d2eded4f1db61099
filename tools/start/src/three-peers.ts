import { parseIdentity } from '@cluster/config'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, initPeer, PeerProcess } from '@cluster/processes'

const PEERS = 3
/** The ports of the first peer are those of the reference; each further peer is so much above. */
const FIRST_PORTS = { rest: 9094, swarm: 9096, gateway: 8080 }
const PORT_STEP = 100

/** A running peer and where it can be reached. */
export interface RunningPeer {
  readonly name: string
  readonly restUrl: string
  readonly gatewayUrl: string
  readonly process: PeerProcess
}

/** The peers of one run. */
export interface ThreePeers {
  readonly peers: readonly RunningPeer[]
  readonly stop: () => Promise<void>
}

/**
 * Starts three peers, in folders that survive, and waits until each can be used.
 *
 * @param say - told of every port that was taken
 */
export async function startThreePeers(
  data: string,
  fresh: boolean,
  say: (line: string) => void,
  signal: AbortSignal
): Promise<ThreePeers> {
  if (fresh) await rm(data, { recursive: true, force: true })
  await mkdir(data, { recursive: true, mode: 0o700 })
  const secret = await clusterSecret(join(data, 'secret'))
  const peers: RunningPeer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(peers.map(({ process }) => process.stop()))
  }
  try {
    let bootstrap: string | undefined
    for (let index = 0; index < PEERS; index++) {
      const { peer, swarm, id } = await startPeer(data, index, secret, bootstrap, say)
      peers.push(peer)
      bootstrap ??= `/ip4/127.0.0.1/tcp/${swarm.toString()}/p2p/${id}`
    }
    await Promise.race([Promise.all(peers.map(({ process }) => process.ready())), aborted(signal)])
  } catch (error) {
    await stop()
    throw error
  }
  return { peers, stop }
}

async function startPeer(
  data: string,
  index: number,
  secret: string,
  bootstrap: string | undefined,
  say: (line: string) => void
): Promise<{ peer: RunningPeer; swarm: number; id: string }> {
  const name = `peer${index.toString()}`
  const [rest, swarm, gateway] = await Promise.all(
    [FIRST_PORTS.rest, FIRST_PORTS.swarm, FIRST_PORTS.gateway].map(async (first) => {
      const wanted = first + index * PORT_STEP
      const port = await freePort(wanted)
      if (port !== wanted) say(`port ${wanted.toString()} is taken: ${name} uses ${port.toString()}`)
      return port
    })
  )
  if (rest === undefined || swarm === undefined || gateway === undefined) throw new Error('no free ports')
  const folder = join(data, name)
  const setup = {
    name,
    folder,
    logFile: join(data, `${name}.log`),
    env: {
      CLUSTER_PEERNAME: name,
      CLUSTER_SECRET: secret,
      CLUSTER_LISTENMULTIADDRESS: tcp(swarm),
      CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: tcp(rest),
      CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: tcp(gateway),
      CLUSTER_REPLICATIONFACTORMIN: '2',
      CLUSTER_REPLICATIONFACTORMAX: '2',
      // Seconds instead of the reference's tens of seconds: nobody wants to wait for a first look.
      CLUSTER_PUBSUB_HEARTBEATINTERVAL: '1s',
      CLUSTER_MONITORPINGINTERVAL: '5s',
      CLUSTER_DISK_METRICTTL: '10s'
    }
  }
  if (!existsSync(join(folder, 'service.json'))) await initPeer(setup)
  const { id } = parseIdentity(await readFile(join(folder, 'identity.json'), 'utf8'))
  const process = new PeerProcess(setup, bootstrap === undefined ? [] : ['--bootstrap', bootstrap])
  const peer = { name, restUrl: url(rest), gatewayUrl: url(gateway), process }
  return { peer, swarm, id: id.toString() }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => {
    reject(signal.reason as Error)
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return promise
}

const tcp = (port: number): string => `/ip4/127.0.0.1/tcp/${port.toString()}`
const url = (port: number): string => `http://127.0.0.1:${port.toString()}`

async function clusterSecret(path: string): Promise<string> {
  if (existsSync(path)) return readFile(path, 'utf8')
  const secret = randomBytes(32).toString('hex')
  await writeFile(path, secret, { mode: 0o600 })
  return secret
}
