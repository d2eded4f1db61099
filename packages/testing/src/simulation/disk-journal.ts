import type { DiskEntries } from './disk-entries.ts'

/** One change of an entry; `undefined` removes it. */
export interface DiskChange {
  readonly text: string
  readonly value: Uint8Array | undefined
}

interface Write {
  readonly changes: readonly DiskChange[]
  /** What was there before. */
  readonly undo: readonly DiskChange[]
  /** The log file that it was written to. */
  readonly log: number
  isSynced: boolean
}

/** One commit in so many begins a new log file. */
const COMMITS_PER_LOG = 40

/**
 * What a power loss would take from a LevelDB: each commit is one record of a log file, and survives as a whole or not
 * at all; of each log a prefix survives, at least up to its last fsync; the log before the one before is a table by now,
 * and safe. So an earlier commit may be lost while a later one, in a newer log, is not.
 */
export class DiskJournal {
  readonly #entries: DiskEntries
  readonly #random: () => number
  readonly #onWrite: (changes: readonly DiskChange[]) => void
  /** From the first commit that is not safe on. */
  #writes: Write[] = []
  #log = 0

  constructor(entries: DiskEntries, random: () => number, onWrite: (changes: readonly DiskChange[]) => void) {
    this.#entries = entries
    this.#random = random
    this.#onWrite = onWrite
  }

  /** Applies a commit. */
  write(changes: readonly DiskChange[], isSynced: boolean): void {
    if (this.#random() * COMMITS_PER_LOG < 1) {
      this.#log += 1
      this.#sync((write) => write.log < this.#log - 1)
    }
    const undo = changes.map(({ text, value }) => ({ text, value: this.#entries.set(text, value) })).reverse()
    this.#onWrite(changes)
    this.#writes.push({ changes, undo, log: this.#log, isSynced })
    if (isSynced) this.#sync((write) => write.log === this.#log)
  }

  /** Whether no power loss can change the entry. */
  isSafe(text: string): boolean {
    return !this.#writes.some((write) => !write.isSynced && write.changes.some((change) => change.text === text))
  }

  /** Everything written so far is safe: the process ended, and the system wrote it out. */
  flush(): void {
    this.#writes = []
  }

  /**
   * The power fails.
   *
   * @returns how many commits were lost
   */
  lose(): number {
    for (const { undo } of this.#writes.toReversed()) {
      for (const { text, value } of undo) this.#entries.set(text, value)
    }
    let lost = 0
    let torn = -1
    for (const { changes, log, isSynced } of this.#writes) {
      if (!isSynced && (log === torn || this.#random() < 0.5)) {
        torn = log
        lost += 1
      } else for (const { text, value } of changes) this.#entries.set(text, value)
    }
    this.#writes = []
    return lost
  }

  #sync(isConcerned: (write: Write) => boolean): void {
    let isAnyUnsafe = false
    for (const write of this.#writes) {
      if (isConcerned(write)) write.isSynced = true
      if (!write.isSynced) isAnyUnsafe = true
    }
    if (!isAnyUnsafe) this.#writes = []
  }
}
