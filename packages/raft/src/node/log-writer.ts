import type { StableState, Write } from '../core/output.ts'
import type { LogEntry } from '../entry.ts'
import { RaftError } from '../errors.ts'
import type { RaftClock, RaftLog } from '../ports.ts'

/** How long to wait before a write is tried again for which there was no room. */
const FULL_RETRY_MS = 100

interface Append {
  truncateFrom: number | undefined
  entries: LogEntry[]
}

/** What a {@link LogWriter} tells. */
interface WriterEvents {
  /** These are durable: say what they held back. */
  readonly stored: (writes: readonly Write[]) => void
  readonly failed: (error: Error) => void
  readonly room: (hasRoom: boolean) => void
}

/** Puts writes on the disk in their order: what has gathered while one sync runs is covered by the next. */
export class LogWriter {
  readonly #log: RaftLog
  readonly #clock: RaftClock
  readonly #events: WriterEvents
  #queue: Write[] = []
  #running: Promise<void> | undefined
  #isWriting = false
  #isStopped = false
  #wake: (() => void) | undefined

  constructor(log: RaftLog, clock: RaftClock, events: WriterEvents) {
    this.#log = log
    this.#clock = clock
    this.#events = events
  }

  /** Whether a write is going on or waits. */
  get isBusy(): boolean {
    return this.#isWriting || this.#queue.length > 0
  }

  add(writes: readonly Write[]): void {
    if (writes.length === 0 || this.#isStopped) return
    for (const write of writes) this.#queue.push(write)
    this.#running ??= this.#run()
  }

  /** Resolves when nothing is being written any more; what has not begun is dropped. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#queue = []
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#queue
      this.#queue = []
      this.#isWriting = true
      try {
        await this.#store(group)
      } catch (error) {
        this.#queue = []
        this.#isStopped = true
        this.#events.failed(error instanceof Error ? error : new Error(String(error)))
        break
      }
      this.#isWriting = false
      // what this leads to may be written at once: the loop goes on with it
      if (!this.#isStopped) this.#events.stored(group)
    }
    this.#running = undefined
  }

  async #store(group: readonly Write[]): Promise<void> {
    let stable: StableState | undefined
    for (const write of group) stable = write.stable ?? stable
    if (stable !== undefined) await this.#log.setStable(stable)
    let append: Append | undefined
    for (const { truncateFrom, entries, reset, truncateHead } of group) {
      if (truncateFrom !== undefined || entries !== undefined) append = merged(append, truncateFrom, entries ?? [])
      if (reset === undefined && truncateHead === undefined) continue
      if (append !== undefined) await this.#append(append)
      append = undefined
      if (reset !== undefined) await this.#log.reset(reset)
      if (truncateHead !== undefined) await this.#log.truncateHead(truncateHead)
    }
    if (append !== undefined) await this.#append(append)
  }

  /** Without room nothing was changed: it is tried again until there is some. */
  async #append({ entries, truncateFrom }: Append): Promise<void> {
    for (let isFull = false; ; isFull = true) {
      try {
        await this.#log.append(entries, truncateFrom)
        if (isFull) this.#events.room(true)
        return
      } catch (error) {
        if (!(error instanceof RaftError) || error.code !== 'RAFT_STORAGE_FULL' || this.#isStopped) throw error
        if (!isFull) this.#events.room(false)
      }
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.setTimer(this.#clock.nowMs() + FULL_RETRY_MS, resolve)
        this.#wake = () => {
          cancel()
          resolve()
        }
      })
    }
  }
}

/** Two steps as one: the second may drop what the first brings. */
function merged(before: Append | undefined, truncateFrom: number | undefined, entries: readonly LogEntry[]): Append {
  if (before === undefined) return { truncateFrom, entries: [...entries] }
  if (truncateFrom !== undefined) {
    const [first] = before.entries
    const kept = first === undefined ? 0 : Math.max(0, Math.min(before.entries.length, truncateFrom - first.index))
    before.entries.length = kept
    if (kept === 0) before.truncateFrom = Math.min(before.truncateFrom ?? truncateFrom, truncateFrom)
  }
  for (const entry of entries) before.entries.push(entry)
  return before
}
