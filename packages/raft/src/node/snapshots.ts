import type { Snapshot } from '../core/snapshot.ts'
import { RaftError } from '../errors.ts'
import type { RaftClock, RaftLogger, SnapshotStore } from '../ports.ts'
import type { Applier } from './applier.ts'
import { defaultSnapshotPolicy, type SnapshotPolicy } from './options.ts'

/** What {@link Snapshots} needs. */
interface SnapshotsParts {
  readonly applier: Applier
  readonly store: SnapshotStore
  readonly policy: Partial<SnapshotPolicy>
  readonly clock: RaftClock
  readonly random: () => number
  readonly logger: RaftLogger
  readonly newest: () => Snapshot | undefined
  readonly taken: (snapshot: Snapshot, trailing: number) => void
  readonly signal: AbortSignal
}

/** Takes snapshots of the own state: when asked, and when the log has grown. @see wire-raft.md §3.10 */
export class Snapshots {
  readonly #parts: SnapshotsParts
  readonly #policy: SnapshotPolicy
  #running: Promise<Snapshot> | undefined
  #cancel: (() => void) | undefined

  constructor(parts: SnapshotsParts) {
    this.#parts = parts
    this.#policy = { ...defaultSnapshotPolicy, ...parts.policy }
  }

  /** Looks from now on whether one is due. */
  start(): void {
    const { clock, random, signal, logger } = this.#parts
    if (signal.aborted) return
    const { intervalMs } = this.#policy
    this.#cancel = clock.setTimer(clock.nowMs() + intervalMs + random() * intervalMs, () => {
      const done = this.#isDue() ? this.take() : Promise.resolve()
      void done
        .catch((error: unknown) => {
          logger.error('no snapshot could be taken', { error })
        })
        .finally(() => {
          this.start()
        })
    })
  }

  /** One at a time: a call while one is taken gets that one. */
  take(): Promise<Snapshot> {
    this.#running ??= this.#take().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async stop(): Promise<void> {
    this.#cancel?.()
    await this.#running?.catch(() => undefined)
  }

  #isDue(): boolean {
    const { applier, newest } = this.#parts
    const threshold = typeof this.#policy.threshold === 'function' ? this.#policy.threshold() : this.#policy.threshold
    return applier.position.index - (newest()?.index ?? 0) >= threshold
  }

  async #take(): Promise<Snapshot> {
    const { applier, store, newest, taken, signal } = this.#parts
    if (applier.position.index <= (newest()?.index ?? 0)) {
      throw new RaftError('RAFT_NOTHING_NEW', 'nothing new to snapshot')
    }
    const { at, data } = await applier.snapshot(signal)
    const snapshot = await store.write(at, data, { signal })
    taken(snapshot, this.#policy.trailing)
    return snapshot
  }
}
