import { deadline, wait } from './deadline.ts'
import { CrdtError, isHopeless } from '../errors.ts'
import { Fifo } from './fifo.ts'
import type { Job } from './jobs.ts'
import { decodeNode, type DeltaNode } from '../wire/node.ts'
import type { Clock } from '../ports.ts'

/** Limits of fetching. */
export interface FetchLimits {
  /** Blocks fetched at once. */
  readonly maxFetches: number
  /** Announced heads fetched at once: few, so that heads nobody has cannot hold up the rest. */
  readonly maxHeadFetches: number
  /** Announced heads that wait; the oldest give way, since a newer head usually covers them. */
  readonly maxPendingHeads: number
  /** Time for an announced head. */
  readonly headTimeoutMs: number
  /** Time for one attempt at a block below a head. */
  readonly blockTimeoutMs: number
  /** Bytes of fetched blocks that may wait to be merged. */
  readonly maxBufferedBytes: number
}

/** What the fetcher asks and tells. */
export interface FetchEvents {
  isProcessed(job: Job): Promise<boolean>
  fetched(job: Job, node: DeltaNode): void
  /** There are too many announced heads: this one is given up next. */
  gaveWay(job: Job): void
  /** An announced head was given up, without a fault of its own. */
  dropped(job: Job): void
  /** It is tried again at `nextTryMs`, if that is given. */
  failed(job: Job, error: Error, nextTryMs: number | undefined): void
}

const RETRY_MIN_MS = 1000
const RETRY_MAX_MS = 60_000
const MAX_DOUBLINGS = 16

/**
 * Fetches the blocks of jobs, many at once and each with a time limit. Blocks that merged blocks link to are tried
 * until they are here; announced heads once.
 */
export class Fetcher {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #limits: FetchLimits
  readonly #events: FetchEvents
  readonly #stop = new AbortController()
  #linked = new Fifo<Job>()
  /** Oldest first; taken from the end. */
  #heads: Job[] = []
  readonly #retries = new Map<Job, () => void>()
  readonly #running = new Map<Job, Promise<void>>()
  #runningHeads = 0
  #bufferedBytes = 0

  constructor(clock: Clock, random: () => number, limits: FetchLimits, events: FetchEvents) {
    this.#clock = clock
    this.#random = random
    this.#limits = limits
    this.#events = events
  }

  /** Blocks on their way. */
  get fetching(): number {
    return this.#running.size
  }

  /** Announced heads that wait. */
  get pendingHeads(): number {
    return this.#heads.length
  }

  /** Jobs that wait for their next attempt. */
  get retrying(): number {
    return this.#retries.size
  }

  add(jobs: readonly Job[]): void {
    for (const job of jobs) {
      if (job.isLinked) this.#linked.push(job)
      else this.#heads.push(job)
    }
    const tooMany = this.#heads.length - this.#limits.maxPendingHeads
    for (const oldest of tooMany > 0 ? this.#heads.splice(0, tooMany) : []) {
      this.#events.gaveWay(oldest)
      this.#events.dropped(oldest)
    }
    this.#pump()
  }

  /** A fetched block was merged or thrown away. */
  consumed(bytes: number): void {
    this.#bufferedBytes -= bytes
    this.#pump()
  }

  /** Tries again now what waits for its next attempt. */
  retryNow(): void {
    for (const [job, cancel] of [...this.#retries]) {
      cancel()
      this.#retries.delete(job)
      this.#linked.push(job)
    }
    this.#pump()
  }

  /** Ends all fetches; resolves when none runs any more. */
  async close(): Promise<void> {
    this.#stop.abort(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    for (const cancel of this.#retries.values()) cancel()
    this.#retries.clear()
    this.#linked = new Fifo()
    this.#heads = []
    await Promise.all(this.#running.values())
  }

  #pump(): void {
    while (!this.#stop.signal.aborted && this.#bufferedBytes < this.#limits.maxBufferedBytes) {
      if (this.#running.size >= this.#limits.maxFetches) return
      const job =
        this.#heads.length > 0 && this.#runningHeads < this.#limits.maxHeadFetches
          ? this.#heads.pop()
          : this.#linked.take()
      if (job === undefined) return
      const isHead = !job.isLinked
      if (isHead) this.#runningHeads += 1
      const run = this.#fetch(job, isHead).finally(() => {
        this.#running.delete(job)
        if (isHead) this.#runningHeads -= 1
        this.#pump()
      })
      this.#running.set(job, run)
    }
  }

  async #fetch(job: Job, isHead: boolean): Promise<void> {
    const limit = isHead ? this.#limits.headTimeoutMs : this.#limits.blockTimeoutMs
    const timer = deadline(this.#clock, this.#stop.signal, limit, `error getting block ${job.cid.toString()}`)
    job.nextTryMs = undefined
    try {
      if (isHead && (await this.#events.isProcessed(job)) && !job.isLinked) {
        this.#events.dropped(job)
        return
      }
      const bytes = await wait(fetchBlock(job, timer.signal), timer.signal)
      if (this.#stop.signal.aborted) return
      const node = decodeNode(job.cid, bytes)
      this.#bufferedBytes += bytes.length
      this.#events.fetched(job, node)
    } catch (cause) {
      if (this.#stop.signal.aborted) return
      this.fail(job, cause instanceof Error ? cause : new Error(String(cause)))
    } finally {
      timer.clear()
    }
  }

  /** An attempt at a block failed: plans the next one. */
  fail(job: Job, error: Error): void {
    // a bad block stays bad; and what was announced is announced again (a job may have become linked meanwhile)
    if (!job.isLinked || isHopeless(error)) {
      this.#events.failed(job, error, undefined)
      return
    }
    const factor = 2 ** Math.min(job.attempts, MAX_DOUBLINGS)
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * factor) * (0.5 + this.#random())
    const nextTryMs = this.#clock.nowMs() + delayMs
    const cancel = this.#clock.setTimer(nextTryMs, () => {
      this.#retries.delete(job)
      this.#linked.push(job)
      this.#pump()
    })
    this.#retries.set(job, cancel)
    this.#events.failed(job, error, nextTryMs)
  }
}

async function fetchBlock(job: Job, signal: AbortSignal): Promise<Uint8Array> {
  return job.walk.session.get(job.cid, { signal })
}
