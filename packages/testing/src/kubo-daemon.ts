import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const READY = 'Daemon is ready'
const STOP_LIMIT_MS = 10_000

/** The `ipfs` program on the PATH; `undefined` when there is none. */
export async function findKubo(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, 'ipfs')
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false
    )
    if (folder !== '' && isThere) return file
  }
  return undefined
}

/**
 * A real Kubo daemon on the loopback address with a repository of its own, which knows no peers and asks nobody.
 *
 * @example
 * ```ts
 * await using kubo = await KuboDaemon.start(file)
 * await kubo.run('pin', 'ls')
 * ```
 */
export class KuboDaemon implements AsyncDisposable {
  /** Multiaddress of its HTTP RPC. */
  readonly api: string
  readonly #file: string
  readonly #folder: string
  readonly #child: ChildProcess

  private constructor(file: string, folder: string, child: ChildProcess, api: string) {
    this.#file = file
    this.#folder = folder
    this.#child = child
    this.api = api
  }

  /**
   * Starts one with an empty repository.
   *
   * @param file - the program, see {@link findKubo}
   * @param settings - values of its configuration by key, such as `API.Authorizations`
   */
  static async start(file: string, settings: Readonly<Record<string, unknown>> = {}): Promise<KuboDaemon> {
    const folder = await mkdtemp(join(tmpdir(), 'kubo-'))
    const run = (...args: string[]) => promisify(execFile)(file, args, { env: environment(folder) })
    await run('init', '--empty-repo', '--profile=test,autoconf-off')
    await run('config', 'Routing.Type', 'none')
    for (const [key, value] of Object.entries(settings)) await run('config', '--json', key, JSON.stringify(value))
    const child = spawn(file, ['daemon'], { env: environment(folder), stdio: ['ignore', 'pipe', 'pipe'] })
    const said: string[] = []
    const ready = Promise.withResolvers<string>()
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line)
        const [, api] = /RPC API server listening on (\S+)/.exec(said.join('\n')) ?? []
        if (line.includes(READY) && api !== undefined) ready.resolve(api)
      })
    }
    child.once('close', () => {
      ready.reject(new Error(`ipfs daemon ended:\n${said.join('\n')}`))
    })
    return new KuboDaemon(file, folder, child, await ready.promise)
  }

  /** Runs a command against it, and answers with what that printed. */
  async run(...args: string[]): Promise<string> {
    const env = environment(this.#folder)
    const { stdout } = await promisify(execFile)(this.#file, ['--api', this.api, ...args], { env })
    return stdout
  }

  /** Its address in the swarm, with its peer ID. */
  async swarmAddress(): Promise<string> {
    const { Addresses: addresses } = JSON.parse(await this.run('id')) as { Addresses: string[] | null }
    const address = addresses?.find((candidate) => candidate.startsWith('/ip4/127.0.0.1/tcp/'))
    if (address === undefined) throw new Error('ipfs daemon listens on no TCP port of the loopback address')
    return address
  }

  /** Ends the process at once, and keeps its repository. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS)
    await this.#end('SIGTERM')
    clearTimeout(timer)
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.kill(signal)
    await closed
  }
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, IPFS_PATH: folder, IPFS_TELEMETRY: 'off' }
}
