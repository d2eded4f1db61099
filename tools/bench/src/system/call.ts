import { run } from '@cluster/processes'
import { fileURLToPath } from 'node:url'

/** What the process of the callers is told. */
export interface CallersInit {
  /** The REST API that they call. */
  readonly url: string
  readonly callers: number
  /** How many CIDs are pinned in all. */
  readonly pins: number
  /** Which CIDs: number `n` is `contentCid('<seed> <n>')`. */
  readonly seed: string
}

/** What it says at its end. */
export interface CallersResult {
  readonly seconds: number
  readonly failures: number
  /** The first of them. */
  readonly failure: string | undefined
  readonly medianMs: number
  readonly slowestMs: number
  readonly cpuSeconds: number
  /** When the last answer came, in Unix milliseconds. */
  readonly lastAnswerMs: number
}

/** Runs callers as a process of their own. */
export async function call(init: CallersInit): Promise<CallersResult> {
  const file = fileURLToPath(new URL('callers.ts', import.meta.url))
  const node = { file: process.execPath, native: true }
  const { stdout, stderr, exitCode } = await run(node, ['--conditions=@cluster/source', file, JSON.stringify(init)])
  if (exitCode !== 0) throw new Error(`the callers ended with ${String(exitCode)}: ${stderr}`)
  return JSON.parse(stdout) as CallersResult
}
