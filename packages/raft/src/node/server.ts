import type { Input } from '../core/input.ts'
import type { Answer, Call, Load, Outcome, Output, Receive, Write } from '../core/output.ts'
import { RaftCore } from '../core/raft-core.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { LogEntry } from '../entry.ts'
import { RaftError } from '../errors.ts'
import { defaultTiming } from '../options.ts'
import type { Incoming, RaftClock, RaftLogger, RaftState } from '../ports.ts'
import { decodeConfiguration } from '../wire/configuration.ts'
import { Applier, type Applied } from './applier.ts'
import { LogWriter } from './log-writer.ts'
import { monotonicClock, silent, type RaftNodeOptions } from './options.ts'
import type { restore } from './restore.ts'
import { Snapshots } from './snapshots.ts'

/** Timers are not finer than this; nothing in the protocol is. */
const MIN_WAIT_MS = 0.5

/** What a {@link Server} tells. */
interface ServerEvents {
  readonly outcome: (outcome: Outcome) => void
  readonly applied: (entries: readonly LogEntry[], results: readonly unknown[]) => void
  /** The state jumped to this entry. */
  readonly restored: (index: number) => void
  /** This server leads no more; entries beyond this one may never be committed. */
  readonly deposed: (commitIndex: number) => void
  /** Something was done: look what has changed. */
  readonly done: () => void
  /** It has stopped itself. Told once. */
  readonly fatal: (error: RaftError) => void
}

/**
 * Does what the core says, in the order in which it says it: writes, then what a write held back; calls, answers, loads,
 * snapshots, applies. It decides nothing.
 */
export class Server {
  readonly #options: RaftNodeOptions
  readonly #events: ServerEvents
  readonly #clock: RaftClock
  readonly #logger: RaftLogger
  readonly #core: RaftCore
  readonly #writer: LogWriter
  readonly #applier: Applier
  readonly #incoming = new Map<number, Incoming>()
  readonly #stopping = new AbortController()
  readonly snapshots: Snapshots
  #needsSnapshot: boolean
  #numbers = 0
  #wake: { readonly atMs: number; readonly cancel: () => void } | undefined
  #endServing: (() => Promise<void>) | undefined
  #isRunning = false
  #isFatal = false

  constructor(options: RaftNodeOptions, restored: Awaited<ReturnType<typeof restore>>, events: ServerEvents) {
    const { clock = monotonicClock, logger = silent, random = Math.random } = options
    this.#options = options
    this.#events = events
    this.#clock = clock
    this.#logger = logger
    const timing = { ...defaultTiming, ...options.timing }
    this.#core = new RaftCore({ id: options.id, timing, random }, restored.restored, clock.nowMs())
    this.#needsSnapshot = restored.needsSnapshot
    const { signal } = this.#stopping
    this.#writer = new LogWriter(options.log, clock, {
      stored: (writes) => {
        this.#onStored(writes)
      },
      failed: (error) => {
        this.#break(error, 'RAFT_STORAGE_FAILED')
      },
      room: (hasRoom) => {
        this.do({ type: 'room', hasRoom })
      }
    })
    this.#applier = new Applier(
      {
        machine: options.machine,
        snapshots: options.snapshots,
        next: (from, maxBytes) => this.#nextToApply(from, maxBytes),
        applied: (entries, results) => {
          events.applied(entries, results)
          events.done()
        },
        restored: ({ index }) => {
          events.restored(index)
          events.done()
        },
        failed: (error) => {
          this.#break(error, 'RAFT_MACHINE_FAILED')
        },
        signal
      },
      restored.position
    )
    this.snapshots = new Snapshots({
      applier: this.#applier,
      store: options.snapshots,
      policy: options.snapshotPolicy ?? {},
      clock,
      random,
      logger,
      newest: () => this.#core.snapshot,
      taken: (snapshot, trailing) => {
        this.do({ type: 'snapshot-taken', snapshot, trailing })
      },
      signal
    })
  }

  /** How things stand. */
  get state(): RaftState {
    return { ...this.#core.state, appliedIndex: this.#applier.position.index }
  }

  get role(): RaftState['role'] {
    return this.#core.role
  }

  get applied(): Applied {
    return this.#applier.position
  }

  get isStopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Whether the log is being written. */
  get isWriting(): boolean {
    return this.#writer.isBusy
  }

  /** A number that was not used before. */
  nextId(): number {
    return ++this.#numbers
  }

  async start(): Promise<void> {
    this.#endServing = await this.#options.transport.serve((incoming) => {
      this.#serve(incoming)
    })
    this.#isRunning = true
    this.snapshots.start()
    if (this.#needsSnapshot) this.#renewSnapshot()
    this.do({ type: 'tick' })
  }

  /** From here on nothing is said or begun. */
  halt(): void {
    this.#isRunning = false
    this.#wake?.cancel()
    this.#wake = undefined
    this.#stopping.abort()
    for (const incoming of this.#incoming.values()) incoming.drop()
    this.#incoming.clear()
  }

  /** Resolves when nothing is going on any more. */
  async stop(): Promise<void> {
    this.halt()
    await this.#endServing?.()
    await this.#writer.stop()
    await this.#applier.stop()
    await this.snapshots.stop()
  }

  /** Gives the core an input, and does what it says. */
  do(input: Input): void {
    if (this.isStopped) return
    const { role } = this
    const output = this.#core.step(input, this.#clock.nowMs())
    this.#follow(output)
    // what was appended in this very step is lost, too
    if (role === 'leader' && this.#core.role !== role) this.#events.deposed(this.#core.commitIndex)
    if (!this.#isRunning) return
    this.#setTimer()
    this.#events.done()
  }

  #follow(output: Output): void {
    this.#writer.add(output.writes)
    for (const call of output.calls) void this.#call(call)
    for (const answer of output.answers) this.#answer(answer)
    for (const load of output.loads) void this.#load(load)
    for (const receive of output.receives) if (receive.keep) void this.#receive(receive)
    for (const outcome of output.outcomes) this.#events.outcome(outcome)
    for (const fault of output.faults) this.#logger.warn(fault)
    if (output.restore !== undefined) this.#applier.restore(output.restore)
    if (this.#core.appliableIndex > this.#applier.position.index) this.#applier.kick()
    if (this.role !== 'broken') return
    const why = output.faults.at(-1)
    if (why !== undefined) this.#tellFatal(new RaftError('RAFT_UNSAFE', why))
  }

  #onStored(writes: readonly Write[]): void {
    if (this.role === 'broken') return
    for (const { then } of writes) {
      for (const call of then.calls) void this.#call(call)
      for (const answer of then.answers) this.#answer(answer)
    }
    const last = writes.at(-1)
    if (last !== undefined) this.do({ type: 'stored', write: last.number })
  }

  #serve(incoming: Incoming): void {
    if (!this.#isRunning || this.role === 'broken') {
      incoming.drop()
      return
    }
    const id = this.nextId()
    this.#incoming.set(id, incoming)
    this.do({ type: 'request', id, request: incoming.request })
  }

  #answer({ id, reply }: Answer): void {
    this.#incoming.get(id)?.answer(reply)
    this.#incoming.delete(id)
  }

  async #call(call: Call): Promise<void> {
    const { transport, snapshots } = this.#options
    const { signal } = this.#stopping
    const data = call.snapshot && snapshots.open(call.snapshot, { signal })
    let input: Input
    try {
      input = { type: 'reply', call: call.id, reply: await transport.call(call, data, { signal }) }
    } catch (error) {
      this.#logger.debug(`failed to ask ${call.to}: ${call.request.type}`, { error })
      input = { type: 'failed', call: call.id }
      // what cannot be read cannot be sent: another one is needed
      if (error instanceof RaftError && error.code === 'RAFT_CORRUPT') this.#renewSnapshot()
    }
    this.do(input)
  }

  async #load({ id, from, to, maxBytes }: Load): Promise<void> {
    try {
      this.do({ type: 'loaded', load: id, entries: await this.#options.log.read(from, to, maxBytes) })
    } catch (error) {
      if (this.isStopped) return
      this.#logger.error('the log cannot be read', { error })
      this.#break(error, 'RAFT_STORAGE_FAILED')
    }
  }

  async #receive({ id, request }: Receive): Promise<void> {
    const { lastIndex: index, lastTerm: term, configurationIndex, size } = request
    const data = this.#incoming.get(id)?.data
    let snapshot: Snapshot | undefined
    try {
      if (data === undefined) throw new RaftError('RAFT_BAD_MESSAGE', 'a snapshot without data')
      const configuration = decodeConfiguration(request.configuration ?? new Uint8Array())
      const of = { index, term, configuration, configurationIndex }
      snapshot = await this.#options.snapshots.write(of, data, { signal: this.#stopping.signal, size })
    } catch (error) {
      this.#logger.error('a snapshot could not be received', { error })
    }
    this.do({ type: 'snapshot-received', id, snapshot })
  }

  #nextToApply(
    from: number,
    maxBytes: number
  ): readonly LogEntry[] | Promise<readonly LogEntry[] | undefined> | undefined {
    const to = this.#core.appliableIndex
    if (to < from) return undefined
    return this.#core.recent(from, to, maxBytes) ?? this.#options.log.read(from, to, maxBytes)
  }

  #setTimer(): void {
    const atMs = Math.max(this.#core.wakeAtMs, this.#clock.nowMs() + MIN_WAIT_MS)
    if (this.#wake?.atMs === atMs) return
    this.#wake?.cancel()
    this.#wake = undefined
    if (atMs === Infinity) return
    const cancel = this.#clock.setTimer(atMs, () => {
      this.#wake = undefined
      this.do({ type: 'tick' })
    })
    this.#wake = { atMs, cancel }
  }

  /** What cannot be read cannot be sent, and what the log begins behind cannot be used. */
  #renewSnapshot(): void {
    this.snapshots.take().catch((error: unknown) => {
      this.#logger.error('no snapshot could be taken', { error })
    })
  }

  #break(cause: unknown, code: 'RAFT_STORAGE_FAILED' | 'RAFT_MACHINE_FAILED'): void {
    const reason = cause instanceof Error ? cause : new Error(String(cause))
    const error = reason instanceof RaftError ? reason : new RaftError(code, reason.message, { cause })
    this.#tellFatal(error)
    this.do({ type: 'broken', reason })
  }

  #tellFatal(error: RaftError): void {
    if (this.#isFatal) return
    this.#isFatal = true
    this.#logger.error(error.message, { error })
    for (const incoming of this.#incoming.values()) incoming.drop()
    this.#incoming.clear()
    this.#events.fatal(error)
  }
}
