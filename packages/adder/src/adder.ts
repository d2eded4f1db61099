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
import { importCar } from './car/import-car.ts'
import { SingleSink } from './send/single-sink.ts'
import { ShardSink } from './shard/shard-sink.ts'
import { systemClock } from './clock.ts'
import { planOf } from './plan.ts'

/** Limits of an adder. */
export interface AdderOptions {
  /** A peer that does not take a waiting block for so many milliseconds is dropped. */
  readonly stallTimeoutMs?: number
  /** A peer that does not confirm for so many milliseconds after the last block is dropped. */
  readonly finishTimeoutMs?: number
  /**
   * A peer that holds up others for so many milliseconds, and for half of the time of the add, is dropped. It gets the
   * content when it pins it.
   */
  readonly lagTimeoutMs?: number
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
  lagTimeoutMs: 15_000,
  maxEntries: 8_388_608
} as const

/**
 * An adder of UnixFS files and folders, and of CAR files; as a whole or in shards. Blocks go out as they are made;
 * memory does not grow with the size of files.
 *
 * Errors of an add: `BAD_REQUEST` for wrong parameters or entries, `LIMIT`, `ADD_FAILED` when no peer took the blocks, `ABORTED`, and whatever the target throws. Nothing is pinned then.
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
    const init = { params, target, patience, clock, log, signal }
    const sink = params.shard ? new ShardSink(init) : new SingleSink(init)
    const onAbort = (): void => {
      sink.stop(new ClusterError('ABORTED', 'the add was aborted', { cause: signal?.reason }))
    }
    signal?.addEventListener('abort', onAbort)
    let isDone = false
    try {
      if (signal?.aborted === true) onAbort()
      if (plan === 'car') yield* importCar(entries, sink)
      else yield* new AddRun(plan, params, sink, maxEntries).run(entries)
      const root = await sink.finish()
      isDone = true
      return root
    } catch (error) {
      // Whatever fails because everything was given up fails for that reason.
      const failure = toClusterError(sink.signal.aborted ? sink.signal.reason : error, 'ADD_FAILED')
      if (failure.code === 'LIMIT') onLimit?.(failure)
      throw failure
    } finally {
      signal?.removeEventListener('abort', onAbort)
      sink.stop(new ClusterError('ABORTED', 'the add has ended'))
      if (!isDone) await sink.undo()
    }
  }

  return { add }
}
