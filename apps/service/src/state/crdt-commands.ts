import type { OfflineDag } from '@cluster/api'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { attempt, Failure } from '../failure.ts'
import { fileError } from './file-error.ts'
import { withState, type StateCommandContext } from './open-state.ts'

/** Runs a command on the DAG of a peer that does not run; refused where the consensus has none. */
export function withDag<T>(
  context: StateCommandContext,
  command: (dag: OfflineDag, signal: AbortSignal) => Promise<T>
): Promise<T> {
  return withState(context, (state, signal) => {
    if (state.dag !== undefined) return command(state.dag, signal)
    throw new Failure('', 'crdt subcommands can only be run on peers initialized with crdt consensus')
  })
}

/** `state crdt info` */
export async function crdtInfo(context: StateCommandContext, stdout: Writable): Promise<void> {
  await withDag(context, async (dag, signal) => {
    const { heads, maxHeight, dirty } = await attempt('reading state', () => dag.info({ signal }))
    const counts = `Number of heads: ${heads.length.toString()}. Current max-height: ${maxHeight.toString()}.`
    const cids = heads.map(String).join(' ')
    stdout.write(`${counts} Dirty: ${String(dirty)}\nHeads: [${cids}]`)
  })
}

/** `state crdt dot` */
export async function crdtDot(
  context: StateCommandContext,
  { file }: { readonly file?: string | undefined },
  stdout: Writable
): Promise<void> {
  const log = context.logging.logger('service')
  await withDag(context, async (dag, signal) => {
    log.info('initiating CRDT-DAG DOT file export. Export might take a long time on large graphs')
    const output =
      file === undefined
        ? stdout
        : await attempt('creating output file', async () => {
            try {
              return (await open(file, 'w')).createWriteStream({ flush: true })
            } catch (error) {
              throw fileError(file, error)
            }
          })
    await attempt('exporting dot file', () => pipeline(dag.dot({ signal }), output, { end: file !== undefined }))
  })
}

/** `state crdt mark-dirty` and `state crdt mark-clean` */
export async function crdtMark(context: StateCommandContext, dirty: boolean, stdout: Writable): Promise<void> {
  await withDag(context, (dag, signal) => attempt('marking state', () => dag.mark(dirty, { signal })))
  stdout.write(`Datastore marked '${dirty ? 'dirty' : 'clean'}'\n`)
}
