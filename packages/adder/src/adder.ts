import {
  ClusterError,
  toClusterError,
  type AddedOutput,
  type Adder,
  type AddParams,
  type AddTarget,
  type Clock,
  type FileEntry,
  type Logger
} from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { AddRun } from './add-run.ts'
import { BlockSender } from './block-sender.ts'
import { systemClock } from './clock.ts'
import { planOf } from './plan.ts'

/** Limits of an adder. */
export interface AdderOptions {
  /** A peer that does not take a waiting block for so many milliseconds is dropped. */
  readonly stallTimeoutMs?: number
  /** A peer that does not confirm for so many milliseconds after the last block is dropped. */
  readonly finishTimeoutMs?: number
  /** Most files and directories in one add; each takes 100 to 150 bytes of memory until its directory is built. */
  readonly maxEntries?: number
  readonly clock?: Clock
  readonly log?: Logger
  /** Told of an add that failed because a limit was reached. */
  readonly onLimit?: (error: ClusterError) => void
}

/** The limits unless said otherwise. */
export const DEFAULT_ADDER_LIMITS = {
  stallTimeoutMs: 120_000,
  finishTimeoutMs: 600_000,
  maxEntries: 8_388_608
} as const

/**
 * An adder of UnixFS files and folders: balanced layout, chunks of one size, SHA2-256. Blocks go out as they are made;
 * memory does not grow with the size of files.
 *
 * Errors of an add: `BAD_REQUEST` for wrong parameters or entries, `NOT_SUPPORTED` for options of other adders,
 * `LIMIT`, `ADD_FAILED` when no peer took the blocks, `ABORTED`, and whatever the target throws. Nothing is pinned then.
 *
 * @example
 * ```ts
 * const adder = createAdder()
 * for await (const { name, cid } of adder.add(entries, DEFAULT_ADD_PARAMS, target, {})) console.log(name, cid)
 * ```
 * @see behaviours.md §6.1 to §6.8
 */
export function createAdder(options: AdderOptions = {}): Adder {
  const { clock = systemClock, log, onLimit, ...given } = options
  const { maxEntries, ...patience } = { ...DEFAULT_ADDER_LIMITS, ...given }

  async function* add(
    entries: AsyncIterable<FileEntry>,
    params: AddParams,
    target: AddTarget,
    { signal }: AbortOptions
  ): AsyncGenerator<AddedOutput, CID> {
    const plan = planOf(params)
    const sender = new BlockSender({ params, target, patience, clock, log, signal })
    const onAbort = (): void => {
      sender.stop(new ClusterError('ABORTED', 'the add was aborted', { cause: signal?.reason }))
    }
    signal?.addEventListener('abort', onAbort)
    try {
      if (signal?.aborted === true) onAbort()
      const run = new AddRun(plan, params, sender, maxEntries)
      yield* run.run(entries)
      await sender.finish()
      return await pinAll(run.roots, sender, params, target, signal)
    } catch (error) {
      // Whatever fails because everything was given up fails for that reason.
      const failure = toClusterError(sender.signal.aborted ? sender.signal.reason : error, 'ADD_FAILED')
      if (failure.code === 'LIMIT') onLimit?.(failure)
      throw failure
    } finally {
      signal?.removeEventListener('abort', onAbort)
      sender.stop(new ClusterError('ABORTED', 'the add has ended'))
    }
  }

  return { add }
}

/** Pins each root once; the last one is the result. */
async function pinAll(
  roots: readonly CID[],
  sender: BlockSender,
  params: AddParams,
  target: AddTarget,
  signal: AbortSignal | undefined
): Promise<CID> {
  const last = roots.at(-1)
  if (last === undefined) throw new ClusterError('INTERNAL', 'an add without a root')
  if (params.noPin) return last
  const options = signal === undefined ? {} : { signal }
  const distinct = new Map(roots.map((root) => [root.toString(), root]))
  for (const root of distinct.values()) await target.pin(sender.pinOf(root), options)
  return last
}
