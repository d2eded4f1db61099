import { messageOf } from '../errors.ts'
import type { Logger } from '../ports.ts'
import type { SyncWatch } from '../status/sync-watch.ts'
import type { DirtyMark } from '../store/dirty-mark.ts'
import { repairDag, type RepairParts } from './repair-dag.ts'

/** What repairs work with. */
export interface RepairsParts extends RepairParts {
  readonly dirty: DirtyMark
  readonly watch: Pick<SyncWatch, 'check' | 'failed'>
  readonly log: Logger
  /** Time between repairs of a store that is marked dirty; 0: never. */
  readonly intervalMs: number
}

/** The repairs that take the dirty mark away: at the start, in intervals, and when asked. */
export class Repairs {
  readonly #parts: RepairsParts
  #cancel: (() => void) | undefined
  #running: Promise<void> | undefined
  #isRepairing = false

  constructor(parts: RepairsParts) {
    this.#parts = parts
  }

  /** Begins to repair at the start and in intervals. */
  start(): void {
    if (this.#parts.intervalMs > 0) this.#schedule(0)
  }

  /** Ends; who aborts the signal of the parts ends a repair that runs. */
  async close(): Promise<void> {
    this.#cancel?.()
    await this.#running
    this.#cancel?.()
  }

  get isRepairing(): boolean {
    return this.#isRepairing
  }

  /**
   * Repairs now, if the store is marked dirty.
   *
   * @returns whether the store is clean afterwards
   */
  async repair(): Promise<boolean> {
    const { log, clock, dirty, watch } = this.#parts
    if (!(await dirty.load())) {
      log.info('store is marked clean. No need to repair')
      return true
    }
    const startMs = clock.nowMs()
    log.info('store is marked dirty. Starting DAG repair operation')
    this.#isRepairing = true
    let isComplete: boolean
    try {
      watch.check()
      isComplete = await repairDag(this.#parts)
      if (isComplete) await dirty.clear()
    } finally {
      this.#isRepairing = false
      watch.check()
    }
    log.info(`DAG repair finished. Took ${clock.nowMs() - startMs} ms`)
    return isComplete
  }

  #schedule(delayMs: number): void {
    const { clock, log, signal, intervalMs, watch } = this.#parts
    if (signal.aborted) return
    this.#cancel = clock.setTimer(clock.nowMs() + delayMs, () => {
      this.#running = this.repair().then(
        () => undefined,
        (error: unknown) => {
          if (signal.aborted) return
          log.error(`error in DAG repair: ${messageOf(error)}`)
          watch.failed(error instanceof Error ? error : new Error(String(error)))
        }
      )
      void this.#running.then(() => {
        this.#schedule(intervalMs)
      })
    })
  }
}
