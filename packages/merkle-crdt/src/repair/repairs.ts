import { messageOf } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { repairDag, type RepairParts } from './repair-dag.ts'

/** What repairs work with. */
export interface RepairsParts extends RepairParts {
  readonly log: Logger
  /** Time between repairs of a store that is marked dirty; 0: never. */
  readonly intervalMs: number
}

/** The dirty mark, and the repairs that take it away: at the start, in intervals, and when asked. */
export class Repairs {
  readonly #parts: RepairsParts
  #cancel: (() => void) | undefined
  #running: Promise<void> | undefined

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

  async isDirty(): Promise<boolean> {
    const { storage, layout } = this.#parts
    return storage.has(layout.dirty())
  }

  async markDirty(): Promise<void> {
    const { storage, layout } = this.#parts
    await storage.commit([{ put: { key: layout.dirty(), value: new Uint8Array() } }], { durable: true })
  }

  async markClean(): Promise<void> {
    const { storage, layout } = this.#parts
    await storage.commit([{ delete: layout.dirty() }], { durable: true })
  }

  /**
   * Repairs now, if the store is marked dirty.
   *
   * @returns whether the store is clean afterwards
   */
  async repair(): Promise<boolean> {
    const { log, clock } = this.#parts
    if (!(await this.isDirty())) {
      log.info('store is marked clean. No need to repair')
      return true
    }
    const startMs = clock.nowMs()
    log.info('store is marked dirty. Starting DAG repair operation')
    const isComplete = await repairDag(this.#parts)
    if (isComplete) await this.markClean()
    log.info(`DAG repair finished. Took ${clock.nowMs() - startMs} ms`)
    return isComplete
  }

  #schedule(delayMs: number): void {
    const { clock, log, signal, intervalMs } = this.#parts
    if (signal.aborted) return
    this.#cancel = clock.setTimer(clock.nowMs() + delayMs, () => {
      this.#running = this.repair().then(
        () => undefined,
        (error: unknown) => {
          if (!signal.aborted) log.error(`error in DAG repair: ${messageOf(error)}`)
        }
      )
      void this.#running.then(() => {
        this.#schedule(intervalMs)
      })
    })
  }
}
