import { RaftError } from '../errors.ts'
import type { RaftClock } from '../ports.ts'
import type { Waiter } from './waiting.ts'

/** Bytes of commands that go into the log in one step. @see wire-raft.md §6.2 */
const BATCH_BYTES = 1024 * 1024
const BATCH_ENTRIES = 1024

/** Limits of a {@link ProposalQueue}. */
interface QueueLimits {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly timeoutMs: number
}

interface Blocked {
  readonly waiter: Waiter
  readonly cancel: () => void
}

/** Calls whose commands wait for the log. */
export class ProposalQueue {
  readonly #limits: QueueLimits
  readonly #clock: RaftClock
  #queue: Waiter[] = []
  #entries = 0
  #bytes = 0
  #blocked: Blocked[] = []

  constructor(limits: QueueLimits, clock: RaftClock) {
    this.#limits = limits
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Queues a call; one that finds no room waits for a while. */
  add(waiter: Waiter): void {
    if (this.#blocked.length === 0 && this.#hasRoom(waiter)) {
      this.#push(waiter)
      return
    }
    const blocked: Blocked = {
      waiter,
      cancel: this.#clock.setTimer(this.#clock.nowMs() + this.#limits.timeoutMs, () => {
        this.#blocked = this.#blocked.filter((one) => one !== blocked)
        waiter.reject(new RaftError('RAFT_QUEUE_FULL', 'timed out enqueuing operation'))
      })
    }
    this.#blocked.push(blocked)
  }

  /** Takes as many calls as go well into one step, at least one. */
  take(): readonly Waiter[] {
    let entries = 0
    let bytes = 0
    let count = 0
    for (const { commands } of this.#queue) {
      const size = sizeOf(commands)
      if (count > 0 && (entries + commands.length > BATCH_ENTRIES || bytes + size > BATCH_BYTES)) break
      entries += commands.length
      bytes += size
      count++
    }
    const taken = this.#queue.splice(0, count)
    this.#entries -= entries
    this.#bytes -= bytes
    this.#unblock()
    return taken
  }

  fail(error: Error): void {
    for (const waiter of this.#queue.splice(0)) waiter.reject(error)
    for (const { waiter, cancel } of this.#blocked.splice(0)) {
      cancel()
      waiter.reject(error)
    }
    this.#entries = 0
    this.#bytes = 0
  }

  #unblock(): void {
    for (;;) {
      const [next] = this.#blocked
      if (next === undefined || !this.#hasRoom(next.waiter)) return
      this.#blocked.shift()
      next.cancel()
      this.#push(next.waiter)
    }
  }

  /** One call always fits when nothing else waits. */
  #hasRoom({ commands }: Waiter): boolean {
    if (this.#queue.length === 0) return true
    const { maxEntries, maxBytes } = this.#limits
    return this.#entries + commands.length <= maxEntries && this.#bytes + sizeOf(commands) <= maxBytes
  }

  #push(waiter: Waiter): void {
    this.#queue.push(waiter)
    this.#entries += waiter.commands.length
    this.#bytes += sizeOf(waiter.commands)
  }
}

function sizeOf(commands: readonly Uint8Array[]): number {
  let bytes = 0
  for (const { length } of commands) bytes += length
  return bytes
}
