import type { Snapshot } from '../core/snapshot.ts'
import type { StableState } from '../core/output.ts'
import type { LogEntry } from '../entry.ts'
import { RaftError } from '../errors.ts'
import { TermRuns } from '../log/term-runs.ts'
import { NO_STABLE_STATE } from '../log/stable.ts'
import type { RaftLog, SnapshotStore, StateMachine, TermRun } from '../ports.ts'

/** A log in memory that takes a turn for each write. */
export class MemoryLog implements RaftLog {
  readonly #terms = new TermRuns()
  #entries: LogEntry[] = []
  #stable = NO_STABLE_STATE
  firstIndex = 1
  /** Thrown by the next write. */
  failure: Error | undefined
  /** Held until it resolves. */
  gate: Promise<void> = Promise.resolve()
  writes = 0

  get lastIndex(): number {
    return this.firstIndex + this.#entries.length - 1
  }

  termAt(index: number): number | undefined {
    return this.#entries[index - this.firstIndex]?.term
  }

  terms(): readonly TermRun[] {
    return [...this.#terms.runs]
  }

  read(from: number, to: number, maxBytes: number): Promise<LogEntry[] | undefined> {
    const found: LogEntry[] = []
    let bytes = 0
    for (let index = from; index <= to; index++) {
      const entry = this.#entries[index - this.firstIndex]
      if (entry === undefined) break
      bytes += entry.encoded.length
      if (found.length > 0 && bytes > maxBytes) break
      found.push(entry)
    }
    return Promise.resolve(found.length === 0 ? undefined : found)
  }

  async append(entries: readonly LogEntry[], truncateFrom?: number): Promise<void> {
    await this.#write()
    if (truncateFrom !== undefined) {
      this.#entries.length = truncateFrom - this.firstIndex
      this.#terms.truncateFrom(truncateFrom)
    }
    for (const entry of entries) {
      if (entry.index !== this.lastIndex + 1) throw new RangeError('a gap')
      this.#entries.push(entry)
      this.#terms.append(entry.index, entry.term)
    }
  }

  async truncateHead(upTo: number): Promise<void> {
    await this.#write()
    if (upTo < this.firstIndex) return
    this.#entries = this.#entries.slice(upTo + 1 - this.firstIndex)
    this.firstIndex = upTo + 1
    this.#terms.truncateHead(this.firstIndex, this.lastIndex)
  }

  async reset(nextIndex: number): Promise<void> {
    await this.#write()
    this.#entries = []
    this.firstIndex = nextIndex
    this.#terms.clear()
  }

  getStable(): StableState {
    return this.#stable
  }

  async setStable(state: StableState): Promise<void> {
    await this.#write()
    this.#stable = state
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #write(): Promise<void> {
    await this.gate
    await Promise.resolve()
    this.writes += 1
    if (this.failure !== undefined) throw this.failure
  }
}

/** Snapshots in memory. */
export class MemorySnapshots implements SnapshotStore {
  #all: { readonly snapshot: Snapshot; readonly data: Uint8Array }[] = []
  #numbers = 0

  list(): Promise<readonly Snapshot[]> {
    return Promise.resolve(this.#all.map(({ snapshot }) => snapshot))
  }

  async *open({ id }: Snapshot): AsyncGenerator<Uint8Array> {
    await Promise.resolve()
    const found = this.#all.find(({ snapshot }) => snapshot.id === id)
    if (found === undefined) throw new RaftError('RAFT_CORRUPT', 'no such snapshot')
    for (let at = 0; at < found.data.length; at += 1000) yield found.data.subarray(at, at + 1000)
  }

  async write(
    of: Omit<Snapshot, 'id' | 'size'>,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { size }: { readonly size?: number } = {}
  ): Promise<Snapshot> {
    const parts: Uint8Array[] = []
    for await (const part of data) parts.push(part)
    const bytes = new Uint8Array(Buffer.concat(parts))
    if (size !== undefined && size !== bytes.length) throw new RaftError('RAFT_BAD_MESSAGE', 'short')
    const snapshot: Snapshot = {
      index: of.index,
      term: of.term,
      configuration: of.configuration,
      configurationIndex: of.configurationIndex,
      id: `snapshot-${++this.#numbers}`,
      size: bytes.length
    }
    this.#all = [{ snapshot, data: bytes }, ...this.#all].slice(0, 2)
    return snapshot
  }
}

/** A list of texts, in memory. */
export class ListMachine implements StateMachine {
  texts: string[] = []
  failure: Error | undefined

  open(): Promise<number> {
    return Promise.resolve(0)
  }

  async apply(entries: readonly LogEntry[]): Promise<readonly unknown[]> {
    await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
    return entries.map(({ type, data }) => {
      if (type !== 0) return undefined
      return this.texts.push(new TextDecoder().decode(data))
    })
  }

  snapshot(): Promise<Iterable<Uint8Array>> {
    return Promise.resolve([new TextEncoder().encode(JSON.stringify(this.texts))])
  }

  async restore(_snapshot: Snapshot, data: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = []
    for await (const part of data) parts.push(part)
    this.texts = JSON.parse(Buffer.concat(parts).toString()) as string[]
  }
}
