import type { ConfigurationChange, ServerId } from '../configuration.ts'
import type { Input } from '../core/input.ts'
import type { Outcome } from '../core/output.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { RaftError } from '../errors.ts'
import type { RaftState } from '../ports.ts'
import type { Applied } from './applier.ts'
import { monotonicClock, silent, type RaftNodeOptions } from './options.ts'
import { ProposalQueue } from './proposals.ts'
import { restore } from './restore.ts'
import { Server } from './server.ts'
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
 * One server of a Raft cluster: the core with its disk, its network, its clock and its state machine.
 *
 * @example
 * const node = await RaftNode.open({ id: 'A', log, snapshots, machine, transport })
 * await node.start()
 * await node.propose([command])
 */
export class RaftNode {
  readonly #options: RaftNodeOptions
  readonly #server: Server
  readonly #queue: ProposalQueue
  readonly #waiting = new Waiting()
  readonly #asked = new Map<number, Asked>()
  readonly #watchers = new Set<(state: RaftState) => void>()
  #seen = ''

  private constructor(options: RaftNodeOptions, restored: Awaited<ReturnType<typeof restore>>) {
    this.#options = options
    this.#server = new Server(options, restored, {
      outcome: (outcome) => {
        this.#onOutcome(outcome)
      },
      applied: (entries, results) => {
        if (this.#waiting.size === 0) return
        for (const [at, { index, term }] of entries.entries()) this.#waiting.applied(index, term, results[at])
      },
      restored: (index) => {
        this.#waiting.skip(index)
      },
      deposed: (commitIndex) => {
        this.#waiting.lose(commitIndex)
      },
      done: () => {
        this.#pump()
        this.#tellWatchers()
      },
      fatal: (error) => {
        this.#fail(error)
        options.onFatal?.(error)
      }
    })
    this.#queue = new ProposalQueue(
      {
        maxEntries: options.maxQueuedEntries ?? DEFAULT_QUEUED_ENTRIES,
        maxBytes: options.maxQueuedBytes ?? DEFAULT_QUEUED_BYTES,
        timeoutMs: options.enqueueTimeoutMs ?? DEFAULT_ENQUEUE_TIMEOUT_MS
      },
      options.clock ?? monotonicClock
    )
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
    return this.#server.state
  }

  /** Where the state machine is, and the servers as of there. */
  get applied(): Applied {
    return this.#server.applied
  }

  /** Whether this server leads, as far as it knows. */
  get isLeader(): boolean {
    return this.#server.role === 'leader'
  }

  /** Begins to take part. */
  start(): Promise<void> {
    return this.#server.start()
  }

  /** Takes no part any more: no timer, no call, no write is left. Log and state machine stay open. */
  async stop(): Promise<void> {
    this.#server.halt()
    this.#fail(stopped())
    await this.#server.stop()
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
      this.#ask({ type: 'change', id: this.#server.nextId(), change, atMs }, reject, (outcome) => {
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
      this.#ask({ type: 'transfer', id: this.#server.nextId(), to }, reject, resolve)
    })
  }

  /**
   * Resolves when the state machine has everything that was acknowledged before the call: a linearizable read may follow.
   *
   * @throws RaftError `RAFT_NOT_LEADER`, `RAFT_LEADERSHIP_LOST`
   */
  async readBarrier(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const outcome = await this.#cancellable<Outcome>(options.signal, (resolve, reject) => {
      this.#ask({ type: 'read', id: this.#server.nextId() }, reject, resolve)
    })
    const index = outcome.type === 'readable' ? outcome.index : 0
    await this.until(({ appliedIndex }) => appliedIndex >= index, options)
  }

  /** Resolves with the state once it is as asked; looks at each change. */
  until(holds: (state: RaftState) => boolean, options: { readonly signal?: AbortSignal } = {}): Promise<RaftState> {
    return this.#cancellable(options.signal, (resolve, reject) => {
      const look = (state: RaftState): void => {
        if (this.#server.isStopped || state.role === 'broken') reject(this.#refusal() ?? stopped())
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
    return this.#server.snapshots.take()
  }

  /** Tells whether the disk has room for entries. Without, nothing new is taken. */
  setRoom(hasRoom: boolean): void {
    this.#server.do({ type: 'room', hasRoom })
    if (!hasRoom && this.isLeader) void this.transferLeadership().catch(() => undefined)
  }

  #onOutcome(outcome: Outcome): void {
    const asked = this.#asked.get(outcome.id)
    this.#asked.delete(outcome.id)
    if (outcome.type !== 'refused') asked?.resolve(outcome)
    else asked?.reject(new RaftError(outcome.refusal.code, outcome.refusal.message))
  }

  /** Gives the queue to the log when it is free: what gathers meanwhile is one batch. */
  #pump(): void {
    if (this.#queue.isEmpty || this.#server.isWriting) return
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
    this.#ask({ type: 'propose', id: this.#server.nextId(), commands, atMs: this.#wallMs() }, reject, (outcome) => {
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
    this.#server.do(input)
  }

  /** Why nothing can be asked for now. */
  #refusal(): RaftError | undefined {
    if (this.#server.isStopped) return stopped()
    const { role } = this.#server
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

  #wallMs(): number {
    return (this.#options.wallMs ?? Date.now)()
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
}

function stopped(): RaftError {
  return new RaftError('RAFT_STOPPED', 'raft is already shutdown')
}
