import { freePort } from './free-port.ts'
import { run, type Outcome } from './run.ts'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** How programs for Linux begin. */
const ELF = '\u007fELF'
const READY = '** IPFS Cluster is READY **'

/** A program of the Go implementation on the PATH; ours has the same name, but is no machine code. */
export async function findGoProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = await open(join(folder, name)).catch(() => undefined)
    if (file === undefined) continue
    try {
      const { buffer } = await file.read(Buffer.alloc(ELF.length), 0, ELF.length, 0)
      if (buffer.toString('latin1') === ELF) return join(folder, name)
    } finally {
      await file.close()
    }
  }
  return undefined
}

/** Where the programs are, and what the peer is made of. */
export interface GoPeerInit {
  readonly service: string
  readonly ctl: string
  readonly folder: string
  /** Default `go`. */
  readonly name?: string
  readonly secret: string
  /** Multiaddress of its Kubo. */
  readonly kubo: string
  /** More settings, which are not the quick ones of a test. */
  readonly env?: Readonly<Record<string, string>>
}

/** A peer of the Go implementation. */
export class GoPeer implements AsyncDisposable {
  readonly address: string
  readonly id: string
  readonly #init: GoPeerInit
  readonly #rest: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  private constructor(init: GoPeerInit, env: NodeJS.ProcessEnv, rest: string, id: string, address: string) {
    this.#init = init
    this.#env = env
    this.#rest = rest
    this.id = id
    this.address = address
  }

  /** Writes its folder. */
  static async create(init: GoPeerInit): Promise<GoPeer> {
    const ports = await Promise.all(Array.from({ length: 4 }, () => freePort(0)))
    const [swarm = '', rest = '', proxy = '', pinning = ''] = ports.map(
      (port) => `/ip4/127.0.0.1/tcp/${port.toString()}`
    )
    const env = {
      ...process.env,
      IPFS_CLUSTER_PATH: init.folder,
      CLUSTER_PEERNAME: init.name ?? 'go',
      CLUSTER_SECRET: init.secret,
      CLUSTER_LISTENMULTIADDRESS: swarm,
      CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: rest,
      CLUSTER_IPFSPROXY_LISTENMULTIADDRESS: proxy,
      CLUSTER_IPFSPROXY_NODEMULTIADDRESS: init.kubo,
      CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS: pinning,
      CLUSTER_IPFSHTTP_NODEMULTIADDRESS: init.kubo,
      CLUSTER_PUBSUB_HEARTBEATINTERVAL: '1s',
      CLUSTER_MONITORPINGINTERVAL: '2s',
      CLUSTER_DISK_METRICTTL: '10s',
      CLUSTER_TAGS_METRICTTL: '10s',
      CLUSTER_MDNSINTERVAL: '0s',
      ...init.env
    }
    await promisify(execFile)(init.service, ['init', '--consensus', 'crdt', '--datastore', 'leveldb'], { env })
    const { id } = JSON.parse(await readFile(join(init.folder, 'identity.json'), 'utf8')) as { id: string }
    return new GoPeer(init, env, rest, id, `${swarm}/p2p/${id}`)
  }

  /** Starts it, and waits until it is ready. */
  async start(...args: string[]): Promise<void> {
    const child = spawn(this.#init.service, ['daemon', ...args], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    this.#child = child
    const ready = Promise.withResolvers<undefined>()
    const said: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line)
      if (line.includes(READY)) ready.resolve(undefined)
    })
    child.once('close', () => {
      ready.reject(new Error(`the Go peer ended:\n${said.slice(-10).join('\n')}`))
    })
    await ready.promise
  }

  /** Asks it by its own `ipfs-cluster-ctl`. */
  ctl(...args: string[]): Promise<Outcome> {
    return this.ctlOf(this.#rest, ...args)
  }

  /** Asks any peer by the Go `ipfs-cluster-ctl`. */
  ctlOf(rest: string, ...args: string[]): Promise<Outcome> {
    return run({ file: this.#init.ctl, native: true }, ['--host', rest, ...args])
  }

  get name(): string {
    return this.#init.name ?? 'go'
  }

  get folder(): string {
    return this.#init.folder
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Where its REST API listens. */
  get rest(): string {
    return this.#rest
  }

  get restUrl(): string {
    const [, , host = '', , port = ''] = this.#rest.split('/')
    return `http://${host}:${port}`
  }

  /** Ends the process at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child?.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }
}
