import type { Writable } from 'node:stream'
import { attempt } from '../failure.ts'
import { withDag } from './crdt-commands.ts'
import type { StateCommandContext } from './open-state.ts'
import { Progress } from './progress.ts'

/**
 * `state compact`: prints the digest of the history that would take the place of the present one; with the digest that
 * all peers printed, it replaces it.
 *
 * @see wire-crdt.md §7.3 P14
 */
export async function compactState(
  context: StateCommandContext,
  { expect }: { readonly expect?: string | undefined },
  stdout: Writable
): Promise<void> {
  const log = context.logging.logger('service')
  await withDag(context, async (dag, signal) => {
    const progress = new Progress('reading')
    const onProgress = (step: 'reading' | 'writing', pins: number): void => {
      progress.set(step, pins)
    }
    const { digest, pins, blocks, replaced } = await attempt('compacting state', () =>
      dag.compact({ expect, onProgress, signal })
    ).finally(() => {
      progress.end()
    })
    const size = `${pins.toString()} pins in ${blocks.toString()} blocks`
    stdout.write(`${digest}\n`)
    if (replaced) {
      log.info(`the history was replaced by ${size}. Start no peer before all of them were compacted`)
    } else {
      log.info(`nothing was changed. The history would become ${size}`)
      log.info('if all peers are stopped and print this digest, run "state compact --expect <digest>" on each of them')
    }
  })
}
