import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Bytes sent at once: a block of the default chunker. */
export const CHUNK_BYTES = 256 * 1024
/** Random bytes that are sent over and over. */
export const SOURCE_BYTES = 64 * 1024 * 1024

/** Where the CPU profiles go; see README.md. */
const profiles = process.env['BENCH_CPU_PROFILES']

/** What a process of the bare loop does. */
export interface LoopRole {
  /** The cluster secret in hex; empty for none. */
  readonly secret: string
  /** Whom it sends to; without these, it receives. */
  readonly receivers?: readonly string[]
  /** How many bytes each receiver gets. */
  readonly bytes: number
}

/** What the sender says. */
export interface LoopResult {
  readonly seconds: number
  readonly cpuSeconds: number
  /** CPU of one SHA-256 over the same bytes. */
  readonly hashSeconds: number
}

/** A process of the bare loop, and the line that it said. */
class LoopProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly line: string

  private constructor(child: ChildProcess, line: string) {
    this.#child = child
    this.line = line
  }

  static async start(role: LoopRole, v8Flags: readonly string[]): Promise<LoopProcess> {
    const file = fileURLToPath(new URL('bare-loop.ts', import.meta.url))
    const profile = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}/loop`]
    const nodeArgs = [...v8Flags, ...profile, '--conditions=@cluster/source']
    const child = spawn(process.execPath, [...nodeArgs, file, JSON.stringify(role)], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the bare loop ended with ${String(code)}`)
    })
    ended.catch(() => undefined)
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string]
    return new LoopProcess(child, line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await exited
  }
}

/**
 * Sends so many bytes to each of some receivers, all at once, by one process to others.
 *
 * @param v8Flags - of all these processes
 */
export async function bareLoop(
  secret: string,
  receivers: number,
  bytes: number,
  v8Flags: readonly string[] = []
): Promise<LoopResult> {
  await using stack = new AsyncDisposableStack()
  const started = await Promise.all(
    Array.from({ length: receivers }, () => LoopProcess.start({ secret, bytes }, v8Flags))
  )
  for (const one of started) stack.use(one)
  const sender = stack.use(
    await LoopProcess.start({ secret, receivers: started.map(({ line }) => line), bytes }, v8Flags)
  )
  return JSON.parse(sender.line) as LoopResult
}
