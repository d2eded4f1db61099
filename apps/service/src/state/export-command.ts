import type { OfflineState } from '@cluster/api'
import { pinToJSON } from '@cluster/wire'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { attempt } from '../failure.ts'
import { fileError } from './file-error.ts'
import { localTimes } from './local-times.ts'
import { withState, type StateCommandContext } from './open-state.ts'
import { Progress } from './progress.ts'

/** `state export`: the pinset as one JSON object a line, to a file or to standard output. */
export async function exportState(
  context: StateCommandContext,
  { file }: { readonly file?: string | undefined },
  stdout: Writable
): Promise<void> {
  await withState(context, async (state, signal) => {
    if (file === undefined) {
      await attempt('exporting state', () => writePins(state, stdout, false, signal))
    } else {
      const output = await attempt('creating output file', () =>
        open(file, 'w').catch((error: unknown) => {
          throw fileError(file, error)
        })
      )
      await attempt('exporting state', () => writePins(state, output.createWriteStream({ flush: true }), true, signal))
    }
    context.logging.logger('service').info('state successfully exported')
  })
}

/** Page by page, as fast as they are taken. */
async function writePins(state: OfflineState, output: Writable, end: boolean, signal: AbortSignal): Promise<void> {
  // beside an export on the same terminal a progress line would be in the way
  const progress = new Progress('exported', end)
  async function* lines(): AsyncGenerator<string> {
    for await (const page of state.export({ signal })) {
      progress.add(page.length)
      yield page.map((pin) => `${localTimes(pinToJSON(pin))}\n`).join('')
    }
  }
  try {
    await pipeline(lines, output, { end })
  } catch (error) {
    // A reader such as `head` that has seen enough is no error.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  } finally {
    progress.end()
  }
}
