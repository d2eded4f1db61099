import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { repository } from './options.ts'

const program = `${repository}apps/service/bin/ipfs-cluster-service.js`
/** What the daemon logs when it can be used. */
const READY = '** IPFS Cluster is READY **'
const STOP_LIMIT_MS = 20_000
const KEPT_LINES = 5

/** What one process needs to know. */
export interface PeerSetup {
  readonly name: string
  readonly folder: string
  readonly logFile: string
  readonly env: Readonly<Record<string, string>>
}

/** One `ipfs-cluster-service` process. */
export class PeerProcess {
  readonly setup: PeerSetup
  readonly #child: ChildProcess
  readonly #log: WriteStream
  readonly #lastLines: string[] = []
  readonly #ready = Promise.withResolvers<undefined>()

  private constructor(setup: PeerSetup, child: ChildProcess, log: WriteStream) {
    this.setup = setup
    this.#child = child
    this.#log = log
    this.#ready.promise.catch(() => undefined)
    if (child.stderr !== null) this.#watch(createInterface({ input: child.stderr }))
    child.once('exit', (code) => {
      const said = this.#lastLines.join('\n  ')
      this.#ready.reject(new Error(`${setup.name} ended with ${String(code)}; its last lines:\n  ${said}`))
      log.end()
    })
  }

  /** Writes a new folder. */
  static async init({ name, folder, logFile, env }: PeerSetup): Promise<void> {
    await mkdir(folder, { recursive: true })
    const init = PeerProcess.#run({ name, folder, logFile, env }, ['init', '--ipfs', 'embedded', '--force'])
    await once(init.#child, 'exit')
    if (init.#child.exitCode !== 0) throw new Error(`${name}: init failed:\n  ${init.#lastLines.join('\n  ')}`)
  }

  /** Starts the daemon. */
  static daemon(setup: PeerSetup, bootstrap: string | undefined): PeerProcess {
    return PeerProcess.#run(setup, ['daemon', ...(bootstrap === undefined ? [] : ['--bootstrap', bootstrap])])
  }

  static #run(setup: PeerSetup, args: readonly string[]): PeerProcess {
    const log = createWriteStream(setup.logFile, { flags: 'a' })
    const child = spawn(process.execPath, [program, '-c', setup.folder, ...args], {
      env: { ...process.env, ...setup.env, GOLOG_LOG_FMT: 'nocolor' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Ctrl-C reaches us alone: we stop the peers ourselves, in order.
      detached: true
    })
    return new PeerProcess(setup, child, log)
  }

  /** Resolves when the peer can be used; rejects with its last words when it ends before. */
  ready(): Promise<undefined> {
    return this.#ready.promise
  }

  /** Stops the peer in order, and by force when it takes too long. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS)
    await exited
    clearTimeout(timer)
  }

  #watch(lines: AsyncIterable<string> & { on(event: 'line', fn: (line: string) => void): unknown }): void {
    lines.on('line', (line) => {
      this.#log.write(`${line}\n`)
      this.#lastLines.push(line)
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift()
      if (line.includes(READY)) this.#ready.resolve(undefined)
    })
  }
}
