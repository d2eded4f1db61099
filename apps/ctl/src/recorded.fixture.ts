import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { vi } from 'vitest'
import { reportOf } from './failure.ts'
import { encodingOf, execute } from './program.ts'

/** A run of the reference, as recorded. */
export interface RecordedRun {
  readonly id: string
  readonly program: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>> | null
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

/** A recorded command line and what it sends. */
export interface RecordedCall {
  readonly argv: readonly string[]
  readonly exit: number
  readonly requests: readonly { readonly method: string; readonly target: string; readonly headers: object }[]
}

export const cliVectors = new URL('../../../packages/testing/vectors/cli/', import.meta.url)

/** The recorded runs of all programs. */
export async function allRecordedRuns(): Promise<readonly RecordedRun[]> {
  return JSON.parse(await readFile(new URL('outputs.json', cliVectors), 'utf8')) as RecordedRun[]
}

/** The recorded runs of `ipfs-cluster-ctl`. */
export async function recordedRuns(): Promise<readonly RecordedRun[]> {
  return (await allRecordedRuns()).filter(({ program }) => program === 'ipfs-cluster-ctl')
}

/** What a run printed, and how it ended. */
export interface RunResult {
  readonly stdout: string
  readonly stderr: string
  readonly exit: number
}

/** Runs the program in this process. */
export async function run(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text)
      return true
    })
  )
  let exit = 0
  try {
    await execute(words, env)
  } catch (error) {
    const report = reportOf(error, encodingOf(words))
    printed[report.stream] += report.text
    exit = report.exitCode
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return { ...printed, exit }
}

/** Answers a request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server of the test at a free port of this machine. */
export class RecordedServer {
  readonly #server: Server
  handler: Handler = (_, response) => response.writeHead(204).end()

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume()
      this.handler(request, response)
    })
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Standard error without the log. */
export function withoutLog(stderr: string): string {
  return stderr.replace(/^(?:<LOGTIME>|\d{4}-[\d\-:.TZ]+)\t.*\n/gm, '')
}
