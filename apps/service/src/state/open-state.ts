import { ClusterError, isClusterError } from '@cluster/api'
import type { Logging } from '@cluster/observability'
import { openOfflineState, type OpenOfflineState } from '@cluster/peer'
import { Failure } from '../failure.ts'
import { loadFolder } from '../load-folder.ts'
import { onStopSignals } from '../stop-signals.ts'

/** What commands of `state` work with. */
export interface StateCommandContext {
  readonly baseDir: string
  readonly env: NodeJS.ProcessEnv
  readonly logging: Logging
}

/**
 * Runs a command on the state of a peer that does not run: its folder is held meanwhile, and the first Ctrl-C aborts
 * the signal, which leaves the state as it was.
 */
export async function withState<T>(
  { baseDir, env, logging }: StateCommandContext,
  command: (state: OpenOfflineState, signal: AbortSignal) => Promise<T>
): Promise<T> {
  const { config, identity } = await loadFolder(baseDir, env)
  const state = await open(() => openOfflineState({ config, identity, logging }))
  const stop = new AbortController()
  const signals = onStopSignals(() => {
    stop.abort(new ClusterError('ABORTED', 'interrupted: nothing was changed'))
    return Promise.resolve()
  })
  try {
    return await command(state, stop.signal)
  } finally {
    signals.off()
    await state.close()
  }
}

async function open(opening: () => Promise<OpenOfflineState>): Promise<OpenOfflineState> {
  try {
    return await opening()
  } catch (error) {
    if (isClusterError(error, 'BUSY')) throw new Failure('obtaining execution lock', error)
    throw new Failure('creating datastore', error)
  }
}
