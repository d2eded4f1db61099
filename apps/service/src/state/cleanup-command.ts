import { attempt } from '../failure.ts'
import { confirm } from '../prompt.ts'
import { withState, type StateCommandContext } from './open-state.ts'

const QUESTION = 'The peer state will be removed.  Existing pins may be lost. Continue? [y/n]:'

/** `state cleanup`: removes the pinset and its history from this peer. */
export async function cleanState(
  context: StateCommandContext,
  { force }: { readonly force?: boolean | undefined }
): Promise<void> {
  if (force !== true && !(await confirm(QUESTION))) return
  // once begun it goes on to its end, also after a crash: half a history is of no use
  await withState(context, (state) => attempt('cleaning state', () => state.clean({})))
  context.logging.logger('service').info('data correctly cleaned up')
}
