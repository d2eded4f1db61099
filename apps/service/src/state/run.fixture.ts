import { builtIns, initFolder } from '@cluster/peer'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { run } from '../run.ts'

/** What a run of the program did. */
export interface Done {
  readonly exit: number
  readonly stdout: string
  /** Without log lines. */
  readonly stderr: string
  readonly logs: string
}

/** The folder of a new peer. */
export async function newFolder(): Promise<string> {
  const baseDir = await mkdtemp(join(tmpdir(), 'service-state-'))
  await initFolder({ baseDir, builtIns, choices: { ipfs_connector: 'embedded' }, overrides: {} })
  return baseDir
}

/** Runs the program in this process, with standard input and outputs of its own. */
export async function runService(args: readonly string[], input: string | Readable = ''): Promise<Done> {
  const written = { stdout: '', stderr: '' }
  const into = (name: 'stdout' | 'stderr'): Writable =>
    new Writable({
      write: (chunk: Buffer, _, done) => {
        written[name] += chunk.toString('utf8')
        done()
      }
    })
  const source = typeof input === 'string' ? Readable.from(input === '' ? [] : [Buffer.from(input)]) : input
  const own = { stdin: source, stdout: into('stdout'), stderr: into('stderr') }
  const before = Object.keys(own).map((name) => [name, Object.getOwnPropertyDescriptor(process, name) ?? {}] as const)
  for (const [name, value] of Object.entries(own)) Object.defineProperty(process, name, { value, configurable: true })
  process.exitCode = 0
  try {
    const exit = (await run(args, { ...process.env, HOME: '/nonexistent' })) ?? process.exitCode
    const lines = written.stderr.split('\n')
    const isLog = (line: string): boolean => /^\d{4}-\d\d-\d\dT\S+\t/.test(line)
    return {
      exit,
      stdout: written.stdout,
      stderr: lines.filter((line) => !isLog(line)).join('\n'),
      logs: lines.filter(isLog).join('\n')
    }
  } finally {
    for (const [name, descriptor] of before) Object.defineProperty(process, name, descriptor)
    process.exitCode = 0
  }
}
