import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ServerRole } from './role.ts'

/** A process that is asked. */
export interface Serving {
  readonly port: number
  readonly pid: number
  /** The next line that it says. */
  readonly line: () => Promise<string>
}

const program = fileURLToPath(new URL('server.ts', import.meta.url))

/** Runs work against a server in a process of its own, which ends with the work. */
export async function serving<T>(role: ServerRole, work: (server: Serving) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, ['--conditions=@cluster/source', program, role], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const line = async (): Promise<string> => (await lines.next()).value ?? ''
    return await work({ port: Number(await line()), pid: child.pid ?? 0, line })
  } finally {
    child.stdin.end()
    if (child.exitCode === null) await once(child, 'exit')
  }
}
