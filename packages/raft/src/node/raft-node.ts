import type { ConfigurationChange, ServerId } from '../configuration.ts'
import type { Input } from '../core/input.ts'
import type { Answer, Call, Load, Outcome, Output, Receive, Write } from '../core/output.ts'
import { RaftCore } from '../core/raft-core.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { RaftError } from '../errors.ts'
import { defaultTiming } from '../options.ts'
import type { Incoming, RaftClock, RaftLogger, RaftState } from '../ports.ts'
import { decodeConfiguration } from '../wire/configuration.ts'
import { Applier, type Applied } from './applier.ts'
import { LogWriter } from './log-writer.ts'
import { monotonicClock, silent, type RaftNodeOptions } from './options.ts'
import { ProposalQueue } from './proposals.ts'
import { bootstrap, hasState, restore } from './restore.ts'
import { Snapshots } from './snapshots.ts'
import { Waiting, type Waiter } from './waiting.ts'

/** Someone who waits for an outcome of the core. */
interface Asked {
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: Error) => void
}

const DEFAULT_QUEUED_ENTRIES = 65_536
const DEFAULT_QUEUED_BYTES = 64 * 1024 * 1024
const DEFAULT_ENQUEUE_TIMEOUT_MS = 1000
const DEFAULT_COMMAND_BYTES = 16 * 1024 * 1024

/**
 * One server of a Raft cluster: the core with its disk, its network, its clock and its state machine. It adds no rules,
 * it only does what the core says, in the order in which it says it.
 *
 * @example
 * const node = await RaftNode.open({ id: 'A', log, snapshots, machine, transport })
 * await node.start()
 * await node.propose([command])
 */
export class RaftNode {
  /** See {@link bootstrap}. */
  static readonly bootstrap = bootstrap
  /** See {@link hasState}. */
  static readonly hasState = hasState

  readonly #options: RaftNodeOptions
  readonly #clock: RaftClock
  readonly #logger: RaftLogger
  readonly #core: RaftCore
  readonly #writer: LogWriter
  readonly #applier: Applier
  readonly #snapshots: Snapshots
  readonly #queue: ProposalQueue
  readonly #waiting = new Waiting()
  readonly #asked = new Map<number, Asked>()
  readonly #incoming = new Map<number, Incoming>()
  readonly #watchers = new Set<(state: RaftState) => void>()
  readonly #stopping = new AbortController()
  #needsSnapshot: boolean
  #numbers = 0
  #wake: { readonly atMs: number; readonly cancel: () => void } | undefined
  #endServing: (() => Promise<void>) | undefined
  #isRunning = false
  #isFatal = false
  #seen = ''

  private constructor(options: RaftNodeOptions, restored: Awaited<ReturnType<typeof restore>>) {
    const { clock = monotonicClock, logger = silent, random = Math.random } = options
    this.#options = options
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
        this.#do({ type: 'broken', reason: error })
        this.#onFatal(
          error instanceof RaftError ? error : new RaftError('RAFT_STORAGE_FAILED', error.message, { cause: error })
        )
      },
      room: (hasRoom) => {
        this.setRoom(hasRoom)
      }
    })
    this.#applier = new Applier(
      {
        machine: options.machine,
        snapshots: options.snapshots,
        next: (from, maxBytes) => this.#nextToApply(from, maxBytes),
        applied: (entries, results) => {
          for (const [at, { index, term }] of entries.entries()) this.#waiting.applied(index, term, results[at])
          this.#tellWatchers()
        },
        restored: ({ index }) => {
          this.#waiting.skip(index)
          this.#tellWatchers()
        },
        failed: (error) => {
          this.#do({ type: 'broken', reason: error })
          this.#onFatal(error)
        },
        signal
      },
      restored.position
    )
    this.#queue = new ProposalQueue(
      {
        maxEntries: options.maxQueuedEntries ?? DEFAULT_QUEUED_ENTRIES,
        maxBytes: options.maxQueuedBytes ?? DEFAULT_QUEUED_BYTES,
        timeoutMs: options.enqueueTimeoutMs ?? DEFAULT_ENQUEUE_TIMEOUT_MS
      },
      clock
    )
    this.#snapshots = new Snapshots({
      applier: this.#applier,
      store: options.snapshots,
      policy: options.snapshotPolicy ?? {},
      clock,
      random,
      logger,
      newest: () => this.#core.snapshot,
      taken: (snapshot, trailing) => {
        this.#do({ type: 'snapshot-taken', snapshot, trailing })
      },
      signal
    })
  }

  /**
   * Reads what is on the disk and brings the state machine up to it. Nothing runs before {@link RaftNode.start}.
   *
   * @throws RaftError `RAFT_CORRUPT`
   */
  static async open(options: RaftNodeOptions): Promise<RaftNode> {
    return new RaftNode(options, await restore(options, options.machine, options.logger ?? silent))
  }

  /** How things stand. */
  get state(): RaftState {
    return { ...this.#core.state, appliedIndex: this.#applier.position.index }
  }

  /** Where the state machine is, and the servers as of there. */
  get applied(): Applied {
    return this.#applier.position
  }

  /** Whether this server leads, as far as it knows. */
  get isLeader(): boolean {
    return this.#core.state.role === 'leader'
  }

  /** Begins to take part. */
  async start(): Promise<void> {
    this.#endServing = await this.#options.transport.serve((incoming) => {
      this.#serve(incoming)
    })
    this.#isRunning = true
    this.#snapshots.start()
    if (this.#needsSnapshot) void this.snapshot().catch(() => undefined)
    this.#do({ type: 'tick' })
  }

  /** Takes no part any more: no timer, no call, no write is left. Log and state machine stay open. */
  async stop(): Promise<void> {
    this.#isRunning = false
    this.#wake?.cancel()
    this.#wake = undefined
    this.#stopping.abort()
    this.#fail(new RaftError('RAFT_STOPPED', 'raft is already shutdown'))
    for (const incoming of this.#incoming.values()) incoming.drop()
    this.#incoming.clear()
    await this.#endServing?.()
    await this.#writer.stop()
    await this.#snapshots.stop()
    await this.#applier.stop()
  }

  /**
   * Puts commands into the log, as the leader. Resolves with what the state machine said to each once all are committed
   * and applied here.
   *
   * @param options.signal - ends the waiting only: the commands may be committed all the same
   * @throws RaftError `RAFT_NOT_LEADER`, `RAFT_LEADERSHIP_LOST` (they may be committed all the same), `RAFT_QUEUE_FULL`,
   * `RAFT_TRANSFER_IN_PROGRESS`, `RAFT_STORAGE_FULL`, `RAFT_STORAGE_FAILED`, `RAFT_TOO_LARGE`, `RAFT_STOPPED`
   */
  propose(
    commands: readonly Uint8Array[],
    options: { readonly signal?: AbortSignal } = {}
  ): Promise<readonly unknown[]> {
    if (commands.length === 0) return Promise.resolve([])
    const max = this.#options.maxCommandBytes ?? DEFAULT_COMMAND_BYTES
    if (commands.some(({ length }) => length > max)) {
      return Promise.reject(new RaftError('RAFT_TOO_LARGE', `a command of more than ${max} bytes`))
    }
    return this.#cancellable(options.signal, (resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal !== undefined) reject(refusal)
      else {
        this.#queue.add({ commands, results: [], left: commands.length, resolve, reject })
        this.#pump()
      }
    })
  }

  /** Changes the servers, as the leader. Resolves once that is committed and applied here. Errors as `propose`. */
  async change(change: ConfigurationChange, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#cancellable<unknown>(options.signal, (resolve, reject) => {
      const atMs = this.#wallMs()
      this.#ask({ type: 'change', id: this.#next(), change, atMs }, reject, (outcome) => {
        if (outcome.type !== 'appended') resolve(undefined)
        else
          this.#waiting.place(
            { commands: [new Uint8Array()], results: [], left: 1, resolve, reject },
            outcome.first,
            outcome.term
          )
      })
    })
  }

  /**
   * Hands leadership to another voter, by default to the one that has most of the log. Resolves when it has gone.
   *
   * @throws RaftError `RAFT_NO_SUCCESSOR`, `RAFT_TRANSFER_TIMEOUT`, `RAFT_NOT_LEADER`
   */
  async transferLeadership(to?: ServerId, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#cancellable<unknown>(options.signal, (resolve, reject) => {
      this.#ask({ type: 'transfer', id: this.#next(), to }, reject, resolve)
    })
  }

  /**
   * Resolves when the state machine has everything that was acknowledged before the call: a linearizable read may follow.
   *
   * @throws RaftError `RAFT_NOT_LEADER`, `RAFT_LEADERSHIP_LOST`
   */
  async readBarrier(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const outcome = await this.#cancellable<Outcome>(options.signal, (resolve, reject) => {
      this.#ask({ type: 'read', id: this.#next() }, reject, resolve)
    })
    const index = outcome.type === 'readable' ? outcome.index : 0
    await this.until(({ appliedIndex }) => appliedIndex >= index, options)
  }

  /** Resolves with the state once it is as asked; looks at each change. */
  until(holds: (state: RaftState) => boolean, options: { readonly signal?: AbortSignal } = {}): Promise<RaftState> {
    return this.#cancellable(options.signal, (resolve, reject) => {
      const look = (state: RaftState): void => {
        if (this.#stopping.signal.aborted || state.role === 'broken') reject(this.#refusal() ?? stopped())
        else if (holds(state)) resolve(state)
        else return
        this.#watchers.delete(look)
      }
      this.#watchers.add(look)
      look(this.state)
    })
  }

  /** Calls `fn` at each change of the state; returns how to end that. */
  watch(fn: (state: RaftState) => void): () => void {
    this.#watchers.add(fn)
    return () => {
      this.#watchers.delete(fn)
    }
  }

  /**
   * Takes a snapshot now and shortens the log.
   *
   * @throws RaftError `RAFT_NOTHING_NEW`
   */
  snapshot(): Promise<Snapshot> {
    return this.#snapshots.take()
  }

  /** Tells whether the disk has room for entries. Without, nothing new is taken. */
  setRoom(hasRoom: boolean): void {
    this.#do({ type: 'room', hasRoom })
    if (!hasRoom && this.isLeader) void this.transferLeadership().catch(() => undefined)
  }

  // Input and output of the core

  #do(input: Input): void {
    if (this.#stopping.signal.aborted) return
    const wasLeader = this.isLeader
    const output = this.#core.step(input, this.#clock.nowMs())
    if (wasLeader && !this.isLeader) this.#waiting.lose(this.#core.state.commitIndex)
    this.#follow(output)
    if (!this.#isRunning) return
    this.#pump()
    this.#setTimer()
    this.#tellWatchers()
  }

  #follow(output: Output): void {
    this.#writer.add(output.writes)
    for (const call of output.calls) void this.#call(call)
    for (const answer of output.answers) this.#answer(answer)
    for (const load of output.loads) void this.#load(load)
    for (const receive of output.receives) if (receive.keep) void this.#receive(receive)
    for (const outcome of output.outcomes) this.#onOutcome(outcome)
    for (const fault of output.faults) this.#logger.warn(fault)
    if (output.restore !== undefined) this.#applier.restore(output.restore)
    const { role, ...state } = this.#core.state
    if (state.appliedIndex > this.#applier.position.index) this.#applier.kick()
    if (role !== 'broken') return
    const why = output.faults.at(-1)
    if (why !== undefined) this.#onFatal(new RaftError('RAFT_UNSAFE', why))
  }

  #onStored(writes: readonly Write[]): void {
    if (this.#core.state.role === 'broken') return
    for (const { then } of writes) {
      for (const call of then.calls) void this.#call(call)
      for (const answer of then.answers) this.#answer(answer)
    }
    const last = writes.at(-1)
    if (last !== undefined) this.#do({ type: 'stored', write: last.number })
  }

  #serve(incoming: Incoming): void {
    if (!this.#isRunning || this.#core.state.role === 'broken') {
      incoming.drop()
      return
    }
    const id = this.#next()
    this.#incoming.set(id, incoming)
    this.#do({ type: 'request', id, request: incoming.request })
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
      if (error instanceof RaftError && error.code === 'RAFT_CORRUPT') void this.snapshot().catch(() => undefined)
    }
    this.#do(input)
  }

  async #load({ id, from, to, maxBytes }: Load): Promise<void> {
    try {
      this.#do({ type: 'loaded', load: id, entries: await this.#options.log.read(from, to, maxBytes) })
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      this.#logger.error('the log cannot be read', { error })
      this.#do({ type: 'broken', reason: error instanceof Error ? error : new Error(String(error)) })
      this.#onFatal(
        error instanceof RaftError ? error : new RaftError('RAFT_STORAGE_FAILED', String(error), { cause: error })
      )
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
    this.#do({ type: 'snapshot-received', id, snapshot })
  }

  #onOutcome(outcome: Outcome): void {
    const asked = this.#asked.get(outcome.id)
    this.#asked.delete(outcome.id)
    if (outcome.type !== 'refused') asked?.resolve(outcome)
    else asked?.reject(new RaftError(outcome.refusal.code, outcome.refusal.message))
  }

  #nextToApply(from: number, maxBytes: number): ReturnType<ConstructorParameters<typeof Applier>[0]['next']> {
    const to = this.#core.appliableIndex
    if (to < from) return undefined
    return this.#core.recent(from, to, maxBytes) ?? this.#options.log.read(from, to, maxBytes)
  }

  // Callers

  /** Gives the queue to the log when it is free: what gathers meanwhile is one batch. */
  #pump(): void {
    if (this.#queue.isEmpty || this.#writer.isBusy) return
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      this.#queue.fail(refusal)
      return
    }
    const waiters = this.#queue.take()
    const commands = waiters.flatMap((waiter) => waiter.commands)
    const reject = (error: Error): void => {
      for (const waiter of waiters) waiter.reject(error)
    }
    this.#ask({ type: 'propose', id: this.#next(), commands, atMs: this.#wallMs() }, reject, (outcome) => {
      if (outcome.type === 'appended') this.#place(waiters, outcome.first, outcome.term)
    })
  }

  #place(waiters: readonly Waiter[], first: number, term: number): void {
    let index = first
    for (const waiter of waiters) {
      this.#waiting.place(waiter, index, term)
      index += waiter.commands.length
    }
  }

  #ask(
    input: Extract<Input, { readonly type: 'propose' | 'change' | 'transfer' | 'read' }>,
    reject: (error: Error) => void,
    resolve: (outcome: Outcome) => void
  ): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      reject(refusal)
      return
    }
    this.#asked.set(input.id, { resolve, reject })
    this.#do(input)
  }

  /** Why nothing can be asked for now. */
  #refusal(): RaftError | undefined {
    if (this.#stopping.signal.aborted) return stopped()
    const { role } = this.#core.state
    if (role === 'broken') return new RaftError('RAFT_STORAGE_FAILED', 'the server has stopped itself')
    return role === 'leader' ? undefined : new RaftError('RAFT_NOT_LEADER', 'node is not the leader')
  }

  #cancellable<T>(
    signal: AbortSignal | undefined,
    run: (resolve: (value: T) => void, reject: (error: Error) => void) => void
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal === undefined) {
        run(resolve, reject)
        return
      }
      const aborted = (): void => {
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
      }
      if (signal.aborted) {
        aborted()
        return
      }
      signal.addEventListener('abort', aborted, { once: true })
      const off = (): void => {
        signal.removeEventListener('abort', aborted)
      }
      run(
        (value) => {
          off()
          resolve(value)
        },
        (error) => {
          off()
          reject(error)
        }
      )
    })
  }

  #next(): number {
    return ++this.#numbers
  }

  #wallMs(): number {
    return (this.#options.wallMs ?? Date.now)()
  }

  #setTimer(): void {
    const atMs = this.#core.wakeAtMs
    if (this.#wake?.atMs === atMs) return
    this.#wake?.cancel()
    this.#wake = undefined
    if (atMs === Infinity) return
    const cancel = this.#clock.setTimer(atMs, () => {
      this.#wake = undefined
      this.#do({ type: 'tick' })
    })
    this.#wake = { atMs, cancel }
  }

  #tellWatchers(): void {
    if (this.#watchers.size === 0) return
    const { state } = this
    const { role, term, leader, commitIndex, appliedIndex, configuration, hasHeardLeader, lastIndex } = state
    const seen = `${role} ${term} ${leader ?? ''} ${commitIndex} ${appliedIndex} ${lastIndex} ${configuration.servers.length} ${hasHeardLeader ? 1 : 0}`
    if (seen === this.#seen) return
    this.#seen = seen
    for (const watcher of [...this.#watchers]) watcher(state)
  }

  #fail(error: RaftError): void {
    this.#queue.fail(error)
    this.#waiting.fail(error)
    for (const { reject } of this.#asked.values()) reject(error)
    this.#asked.clear()
    for (const watcher of [...this.#watchers]) watcher(this.state)
    this.#watchers.clear()
  }

  #onFatal(error: RaftError): void {
    if (this.#isFatal) return
    this.#isFatal = true
    this.#logger.error(error.message, { error })
    this.#fail(error)
    this.#options.onFatal?.(error)
  }
}

function stopped(): RaftError {
  return new RaftError('RAFT_STOPPED', 'raft is already shutdown')
}
