import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Program } from './program.ts'

/** What a process that ended has said. */
export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. */
export async function run(
  program: Program,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string; readonly input?: string } = {}
): Promise<Outcome> {
  const [file, ...before] = program.native === true ? [program.file] : [process.execPath, program.file]
  const child = spawn(file, [...before, ...args], {
    env: { ...process.env, GOLOG_LOG_FMT: 'nocolor', ...options.env },
    cwd: options.cwd,
    stdio: 'pipe'
  })
  // A program that reads nothing may be gone before it is told that there is nothing.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const exited = once(child, 'close') as Promise<[number | null]>
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { exitCode, stdout, stderr }
}
