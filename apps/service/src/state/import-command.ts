import type { Pages, Pin } from '@cluster/api'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { attempt } from '../failure.ts'
import { confirm } from '../prompt.ts'
import { fileError } from './file-error.ts'
import { withState, type StateCommandContext } from './open-state.ts'
import { Progress } from './progress.ts'
import { peersOf, readPins } from './read-pins.ts'

/** The options of `state import`. */
export interface ImportCommandOptions {
  readonly force?: boolean | undefined
  readonly replicationMin: number
  readonly replicationMax: number
  readonly allocations: string
}

const QUESTION = 'The pinset (state) of this peer will be replaced. Continue? [y/n]:'

/** `state import`: replaces the pinset by that of a dump, from a file or from standard input. */
export async function importState(
  context: StateCommandContext,
  file: string | undefined,
  options: ImportCommandOptions,
  stdin: Readable
): Promise<void> {
  if (options.force !== true && !(await confirm(QUESTION))) return
  const { replicationMin, replicationMax } = options
  const overrides = { replicationMin, replicationMax, allocations: peersOf(options.allocations) }
  await withState(context, async (state, signal) => {
    const source = await sourceOf(file, stdin)
    const progress = new Progress('imported')
    async function* pins(): Pages<Pin> {
      for await (const page of readPins(source, overrides)) {
        signal.throwIfAborted()
        progress.add(page.length)
        yield page
      }
    }
    // ends the wait for a line that nobody types
    const interrupt = (): void => void source.destroy(signal.reason as Error)
    signal.addEventListener('abort', interrupt)
    try {
      await attempt('importing state', () => state.import(pins(), { signal }))
    } finally {
      signal.removeEventListener('abort', interrupt)
      source.destroy()
      progress.end()
    }
    context.logging.logger('service').info('state successfully imported.  Make sure all peers have consistent states')
  })
}

async function sourceOf(file: string | undefined, stdin: Readable): Promise<Readable> {
  if (file === undefined) {
    process.stdout.write('reading from stdin, Ctrl-D to finish\n')
    return stdin
  }
  return attempt('reading import file', async () => {
    try {
      const input = await open(file)
      return input.createReadStream({ highWaterMark: 1024 * 1024 })
    } catch (error) {
      throw fileError(file, error)
    }
  })
}
