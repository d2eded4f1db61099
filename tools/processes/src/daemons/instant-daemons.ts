import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.ts'
import { COUNTS_PATH, type CallCounts } from './instant-daemon.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

/** A daemon that stands in for Kubo, and what was asked of it. */
interface DaemonState {
  readonly counts: CallCounts
  /** How many pins it holds. */
  readonly pins: number
}

/** Daemons that stand in for Kubo, one for each peer, all in one process. */
export class InstantDaemons implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ports: readonly number[]

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#child = child
    this.#ports = ports
  }

  /** Starts a process with so many daemons, and waits until they listen. */
  static async start(count: number): Promise<InstantDaemons> {
    const ports = await Promise.all(Array.from({ length: count }, () => freePort(0)))
    const args = ['--conditions=@cluster/source', MAIN, ...ports.map(String)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the daemons' stand-ins ended with ${String(code)}`)
    })
    ended.catch(() => undefined)
    await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])
    return new InstantDaemons(child, ports)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The multiaddress of a daemon, for `CLUSTER_IPFSHTTP_NODEMULTIADDRESS`. */
  address(index: number): string {
    return `/ip4/127.0.0.1/tcp/${this.#port(index).toString()}`
  }

  /** What was asked of a daemon so far. */
  async state(index: number): Promise<DaemonState> {
    const response = await fetch(`http://127.0.0.1:${this.#port(index).toString()}${COUNTS_PATH}`)
    return (await response.json()) as DaemonState
  }

  #port(index: number): number {
    const port = this.#ports[index]
    if (port === undefined) throw new RangeError(`there is no daemon ${index.toString()}`)
    return port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
