import type { Configuration } from '../configuration.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { LogEntry } from '../entry.ts'
import { RaftError } from '../errors.ts'
import type { SnapshotStore, StateMachine } from '../ports.ts'
import { configurationOf } from '../wire/configuration.ts'

/** Bytes of entries that are applied at once. */
const BATCH_BYTES = 1024 * 1024

/** Where the state machine is. */
export interface Applied {
  readonly index: number
  readonly term: number
  /** The servers as of that entry. */
  readonly configuration: Configuration
  readonly configurationIndex: number
}

/** What an {@link Applier} needs. */
interface ApplierParts {
  readonly machine: StateMachine
  readonly snapshots: SnapshotStore
  /** Entries from there on, that may be applied; undefined if there are none. */
  readonly next: (
    from: number,
    maxBytes: number
  ) => Promise<readonly LogEntry[] | undefined> | readonly LogEntry[] | undefined
  readonly applied: (entries: readonly LogEntry[], results: readonly unknown[]) => void
  readonly restored: (snapshot: Snapshot) => void
  readonly failed: (error: RaftError) => void
  readonly signal: AbortSignal
}

/** Hands committed entries to the state machine, in order, one batch after the other. */
export class Applier {
  readonly #parts: ApplierParts
  #position: Applied
  #restore: Snapshot | undefined
  #running: Promise<void> | undefined
  #isAsked = false
  /** Work that must not meet an apply. */
  #between: (() => Promise<void>)[] = []
  #isOver = false

  constructor(parts: ApplierParts, position: Applied) {
    this.#parts = parts
    this.#position = position
  }

  get position(): Applied {
    return this.#position
  }

  /** Looks whether there is something to apply. */
  kick(): void {
    this.#isAsked = true
    this.#running ??= this.#run()
  }

  /** The state is to be replaced by this snapshot before anything else is applied. */
  restore(snapshot: Snapshot): void {
    this.#restore = snapshot
    this.kick()
  }

  /** A snapshot of the state, and where it stands: begun between two batches. */
  async snapshot(
    signal: AbortSignal
  ): Promise<{ readonly at: Applied; readonly data: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }> {
    return new Promise((resolve, reject) => {
      this.#between.push(async () => {
        try {
          if (this.#isOver || signal.aborted) throw new RaftError('RAFT_STOPPED', 'nothing is applied any more')
          resolve({ at: this.#position, data: await this.#parts.machine.snapshot({ signal }) })
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
      if (this.#isOver) void this.#doBetween()
      else this.kick()
    })
  }

  /** Resolves when the state machine is not called any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    await this.#doBetween()
  }

  async #run(): Promise<void> {
    const { signal, failed } = this.#parts
    try {
      while (this.#isMore()) {
        this.#isAsked = false
        await this.#doBetween()
        await this.#doRestore()
        while (!signal.aborted && (await this.#applyBatch())) {
          await this.#doBetween()
          await this.#doRestore()
        }
      }
    } catch (error) {
      failed(
        error instanceof RaftError
          ? error
          : new RaftError('RAFT_MACHINE_FAILED', `the state machine failed: ${String(error)}`, { cause: error })
      )
      this.#isOver = true
      await this.#doBetween()
      return
    } finally {
      this.#running = undefined
    }
    if (this.#isMore()) this.kick()
  }

  async #doBetween(): Promise<void> {
    for (const work of this.#between.splice(0)) await work()
  }

  #isMore(): boolean {
    return this.#isAsked && !this.#parts.signal.aborted
  }

  async #doRestore(): Promise<void> {
    const snapshot = this.#restore
    if (snapshot === undefined) return
    this.#restore = undefined
    const { machine, snapshots, restored, signal } = this.#parts
    await machine.restore(snapshot, snapshots.open(snapshot, { signal }))
    const { index, term, configuration, configurationIndex } = snapshot
    this.#position = { index, term, configuration, configurationIndex }
    restored(snapshot)
  }

  async #applyBatch(): Promise<boolean> {
    const { machine, next, applied } = this.#parts
    const found = next(this.#position.index + 1, BATCH_BYTES)
    const entries = found instanceof Promise ? await found : found
    const last = entries?.at(-1)
    // a snapshot may have come in while the entries were read
    if (entries === undefined || last === undefined || this.#restore !== undefined) return this.#restore !== undefined
    const results = await machine.apply(entries)
    let { configuration, configurationIndex } = this.#position
    for (const entry of entries) {
      const placed = configurationOf(entry)
      if (placed === undefined) continue
      configuration = placed
      configurationIndex = entry.index
    }
    this.#position = { index: last.index, term: last.term, configuration, configurationIndex }
    applied(entries, results)
    return true
  }
}
