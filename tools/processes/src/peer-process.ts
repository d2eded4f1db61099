import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { fromSource, type Program } from './program.ts'
import { run } from './run.ts'

/** What the daemon logs when it can be used. */
const READY = '** IPFS Cluster is READY **'
const STOP_LIMIT_MS = 20_000
const KEPT_LINES = 200

/** What one process needs to know. */
export interface PeerSetup {
  readonly name: string
  readonly folder: string
  /** Gets every log line; the last ones are kept in memory as well. */
  readonly logFile?: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly program?: Program | undefined
}

/** Listeners that most peers here do not need: on any free port, so that peers of one machine do not meet on one. */
const ANY_PORT = '/ip4/127.0.0.1/tcp/0'
const otherListeners = {
  CLUSTER_IPFSPROXY_LISTENMULTIADDRESS: ANY_PORT,
  CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS: ANY_PORT
}

/** Writes the folder of a new peer with IPFS inside. */
export async function initPeer(setup: PeerSetup, args: readonly string[] = []): Promise<void> {
  const { name, folder, env, program = fromSource('service') } = setup
  const done = await run(program, ['-c', folder, 'init', '--ipfs', 'embedded', '--force', ...args], {
    env: { ...otherListeners, ...env }
  })
  if (done.exitCode !== 0) throw new Error(`${name}: init failed: ${done.stderr}`)
}

/** One `ipfs-cluster-service daemon` as a process. */
export class PeerProcess {
  readonly setup: PeerSetup
  readonly #child: ChildProcess
  readonly #log: WriteStream | undefined
  readonly #lastLines: string[] = []
  readonly #ready = Promise.withResolvers<undefined>()
  readonly #exited: Promise<unknown>

  constructor(setup: PeerSetup, args: readonly string[] = []) {
    const { folder, logFile, env, program = fromSource('service') } = setup
    this.setup = setup
    this.#log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' })
    this.#child = spawn(process.execPath, [program.file, '-c', folder, 'daemon', ...args], {
      env: { ...process.env, GOLOG_LOG_FMT: 'nocolor', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Ctrl-C reaches us alone: we stop the peers ourselves, in order.
      detached: true
    })
    this.#exited = once(this.#child, 'close')
    this.#ready.promise.catch(() => undefined)
    if (this.#child.stderr !== null) {
      createInterface({ input: this.#child.stderr }).on('line', (line) => {
        this.#take(line)
      })
    }
    this.#child.once('close', (code) => {
      const said = this.#lastLines.slice(-5).join('\n  ')
      this.#ready.reject(new Error(`${setup.name} ended with ${String(code)}; its last lines:\n  ${said}`))
      this.#log?.end()
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The process; its exit code is `null` while it runs, or when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The last log lines. */
  get lines(): readonly string[] {
    return this.#lastLines
  }

  /** Resolves when the peer can be used; rejects with its last words when it ends before. */
  ready(): Promise<undefined> {
    return this.#ready.promise
  }

  /** Resolves when the process has ended. */
  async exited(): Promise<void> {
    await this.#exited
  }

  /** From now on nobody reads what it logs, as when the terminal or the program goes away that started it. */
  stopReading(): void {
    this.#child.stderr?.destroy()
  }

  /** Ends the process at once, as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Stops the peer in order, and by force when it takes too long. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS)
    this.#child.kill('SIGTERM')
    await this.#exited
    clearTimeout(timer)
  }

  #take(line: string): void {
    this.#log?.write(`${line}\n`)
    this.#lastLines.push(line)
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift()
    if (line.includes(READY)) this.#ready.resolve(undefined)
  }
}
