import type { CID } from 'multiformats/cid'
import type { Announcer } from './sync/announcer.ts'
import { Backlog, MAX_TURN_BLOCKS, type Ready, type Turn } from './sync/backlog.ts'
import { blockIdOf } from './wire/block-id.ts'
import type { ChangeFeed } from './changes/change-feed.ts'
import { deltaOf } from './changes/change-delta.ts'
import type { DagBlocks } from './store/dag-blocks.ts'
import { wait } from './sync/deadline.ts'
import { Draft } from './store/draft.ts'
import { CrdtError, messageOf } from './errors.ts'
import { Fetcher, type FetchLimits } from './sync/fetcher.ts'
import { Fifo } from './sync/fifo.ts'
import { Heads } from './store/heads.ts'
import { Jobs, Walk, type Job } from './sync/jobs.ts'
import type { Layout } from './store/layout.ts'
import { createNode, MAX_BLOCK_BYTES, type DeltaNode } from './wire/node.ts'
import type { Clock, CrdtStorage, DagExchange, Logger } from './ports.ts'
import { loadState } from './store/load-state.ts'
import { processNode, type CrdtState } from './store/process.ts'
import type { Entry, Publisher } from './changes/publisher.ts'

/** Failed turns wait before the next one: 1 s, 2 s, … */
const [RETRY_MIN_MS, RETRY_MAX_MS] = [1000, 60_000]

/** What a {@link Replica} works with. */
export interface ReplicaParts {
  readonly storage: CrdtStorage
  readonly layout: Layout
  readonly blocks: DagBlocks
  readonly exchange: DagExchange
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly limits: FetchLimits
  readonly signal: AbortSignal
  readonly publisher: Publisher
  readonly announcer: Announcer
  readonly feed: ChangeFeed
}

/**
 * The one writer of the store. It works in turns: each makes a block of local changes or merges fetched blocks, and
 * ends with one atomic durable write. Everything else, above all fetching, goes on beside it.
 */
export class Replica {
  readonly #parts: ReplicaParts
  #state: CrdtState = { heads: new Heads(), jobs: new Jobs() }
  #fetcher: Fetcher
  readonly #backlog: Backlog
  readonly #tasks = new Fifo<() => Promise<void>>()
  #running: Promise<void> | undefined
  #isClosing = false
  #isStopped = false
  #failures = 0
  #cancelRetry: (() => void) | undefined
  #maxTurnBlocks = MAX_TURN_BLOCKS
  #idleWaiters: (() => void)[] = []
  /** In a first sync, single changes are not reported: one resync follows. */
  #isFirstSync = false
  #mergedInFirstSync = 0
  merged = 0
  /** Keys that got a value, less those that lost theirs, since the start. */
  growth = 0
  rejected = 0
  lastError: string | undefined

  constructor(parts: ReplicaParts) {
    this.#parts = parts
    this.#fetcher = this.#newFetcher()
    const { clock, storage, layout, signal, limits } = parts
    this.#backlog = new Backlog({
      clock,
      timeoutMs: limits.blockTimeoutMs,
      isKnown: async (id) =>
        this.#state.jobs.get(id) !== undefined || (await storage.has(layout.processed(id), { signal })),
      wake: () => {
        this.kick()
      },
      lost: (job) => {
        this.#fetcher.add([job])
      }
    })
  }

  get heads(): Heads {
    return this.#state.heads
  }
  get queuedJobs(): number {
    return this.#state.jobs.size
  }
  get fetcher(): Pick<Fetcher, 'fetching' | 'pendingHeads' | 'retrying'> {
    return this.#fetcher
  }

  /** Reads what a former run left, and goes on with it. */
  async load(): Promise<void> {
    const { storage, layout, exchange, signal } = this.#parts
    const { heads, jobs } = await loadState(storage, layout, exchange, signal)
    this.#state.jobs.clear()
    this.#state = { heads, jobs }
    this.#isFirstSync = heads.size === 0
    this.#fetcher.add([...jobs.values()])
  }

  /** A peer announced these heads. Never waits. */
  announced(cids: readonly CID[]): void {
    if (this.#isClosing) return
    const jobs: Job[] = []
    for (const cid of cids) {
      this.#parts.announcer.saw(cid)
      if (this.#state.jobs.get(blockIdOf(cid)) !== undefined) continue
      jobs.push(this.#state.jobs.announce(cid, new Walk(() => this.#parts.exchange.createSession())))
    }
    this.#fetcher.add(jobs.reverse()) // the last one is fetched first
  }

  /** Starts a turn, if there is something to do and none runs. */
  kick(): void {
    if (this.#isStopped || this.#running !== undefined || this.#cancelRetry !== undefined) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#hasWork()) this.kick()
      else this.#checkIdle()
    })
  }

  /** Runs a task between two turns. */
  inTurn<T>(task: (state: CrdtState, draft: Draft) => Promise<T>): Promise<T> {
    if (this.#isClosing) return Promise.reject(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    return new Promise((resolve, reject) => {
      this.#tasks.push(async () => {
        try {
          const draft = this.#newDraft()
          const before = new Set(this.#state.jobs.values())
          const result = await task(this.#state, draft)
          this.growth += await draft.write()
          this.#fetcher.add([...this.#state.jobs.values()].filter((job) => !before.has(job)))
          resolve(result)
        } catch (cause) {
          const error = cause instanceof Error ? cause : new Error(String(cause))
          reject(error)
          await this.#recover(error)
        }
      })
      this.kick()
    })
  }

  /** Resolves when everything known is merged, but for blocks that could not be fetched and are tried again. */
  idle(signal: AbortSignal): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#idleWaiters.push(resolve)
    })
    this.#checkIdle()
    return wait(idle, signal)
  }

  /** Fetches again at once what could not be fetched. */
  retryNow(): void {
    this.#fetcher.retryNow()
  }

  /** Makes blocks of what still waits, then ends. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#fetcher.close()
    await this.#backlog.clear()
    this.#clearRetry()
    this.#parts.publisher.close()
    this.kick()
    while (this.#running !== undefined) await this.#running
    this.#isStopped = true
    this.#state.jobs.clear()
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  #clearRetry(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  #newFetcher(): Fetcher {
    const { clock, random, limits, layout, storage, signal } = this.#parts
    return new Fetcher(clock, random, limits, {
      isProcessed: async (job) => storage.has(layout.processed(job.id), { signal }),
      fetched: (job, node) => {
        this.#backlog.push(job, node)
      },
      dropped: (job) => {
        if (job.isLinked) this.#fetcher.add([job])
        else this.#state.jobs.remove(job)
        this.#checkIdle()
      },
      failed: (job, error) => {
        this.#fetchFailed(job, error)
      }
    })
  }

  #fetchFailed(job: Job, error: Error): void {
    this.lastError = error.message
    const isBad = 'code' in error && error.code === 'ERR_CRDT_BAD_BLOCK'
    if (isBad) {
      this.rejected += 1
      this.#forget(job.cid)
    }
    const { log } = this.#parts
    if (!job.isLinked) {
      log.warn(`error processing new head: ${error.message}`)
      this.#state.jobs.remove(job)
    } else if (isBad) {
      log.error(`error getting children: ${error.message}`)
      this.#setAside(job)
    } else log.warn(`error getting children, trying again: ${job.cid.toString()}: ${error.message}`)
    this.#checkIdle()
  }

  /** Nothing can be done about this block now: a repair comes back to it. */
  #setAside(job: Job): void {
    this.#state.jobs.remove(job)
    const { storage, layout, log } = this.#parts
    storage
      .commit([{ put: { key: layout.dirty(), value: new Uint8Array() } }], { durable: true })
      .catch((error: unknown) => {
        log.error(`cannot mark the store dirty: ${messageOf(error)}`)
      })
  }

  /** The bytes that are here are not the block: they must not be found again. */
  #forget(cid: CID): void {
    const { blocks, log } = this.#parts
    blocks.delete(cid).catch((error: unknown) => {
      log.error(`cannot delete ${cid.toString()}: ${messageOf(error)}`)
    })
  }

  #newDraft(): Draft {
    return new Draft(this.#parts.storage, this.#parts.layout, { signal: this.#parts.signal })
  }

  async #run(): Promise<void> {
    for (;;) {
      if (this.#isStopped || this.#cancelRetry !== undefined) return
      const task = this.#tasks.take()
      const batch = task === undefined ? this.#parts.publisher.take() : undefined
      if (task !== undefined) await task()
      else if (batch !== undefined) await this.#publish(batch.entries, batch.why)
      else if (this.#backlog.isDue) await this.#merge()
      else return
      // the store must not keep others from running while it catches up
      await new Promise<void>((resolve) => {
        this.#parts.clock.soon(resolve)
      })
    }
  }

  async #publish(entries: Entry[], why: string): Promise<void> {
    const { publisher, layout, feed, log } = this.#parts
    const draft = this.#newDraft()
    let node: DeltaNode | undefined
    try {
      const { heads } = this.#state
      const operations = entries.map(({ operation }) => operation)
      const delta = await deltaOf(draft, operations, heads.maxHeight + 1n)
      for (const { journal } of entries) if (journal !== undefined) draft.delete(layout.journal(journal))
      if (delta !== undefined) {
        node = createNode(
          delta,
          heads.list().map(({ cid }) => cid)
        )
        if (node.bytes.length > MAX_BLOCK_BYTES) {
          throw new CrdtError('ERR_CRDT_TOO_LARGE', `a block of ${node.bytes.length} bytes cannot be sent to others`)
        }
        const root = { cid: node.cid, id: node.id, height: delta.priority }
        const walk = new Walk(() => this.#parts.exchange.createSession())
        const job = { cid: node.cid, id: node.id, root, walk, isLinked: false, attempts: 0 }
        this.#fetcher.add(await processNode(draft, this.#state, node, job))
      }
      this.growth += await draft.write()
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      log.error(`error creating new block: ${error.message}`)
      publisher.failed(entries, error)
      await this.#recover(error)
      return
    }
    this.#failures = 0
    publisher.done(entries)
    if (this.#mergedInFirstSync + this.#state.jobs.size === 0) this.#isFirstSync = false
    if (why !== 'group') log.info(`batch commit (${why}): ${entries.length} items`)
    feed.add(draft.changed)
    const served = node === undefined ? Promise.resolve() : this.#serve(node)
    void served.finally(() => {
      for (const entry of entries) entry.settle()
    })
  }

  /** The block is on disk: other peers may have it now, and learn of it. */
  async #serve(node: DeltaNode): Promise<void> {
    const { exchange, announcer, log, signal } = this.#parts
    if (signal.aborted) return
    try {
      await wait(exchange.put([{ cid: node.cid, bytes: node.bytes }], { signal }), signal)
      await announcer.announce(node.cid, node.links)
    } catch (error) {
      // who closes the store ends this wait too
      if (!this.#isClosing) log.warn(`error broadcasting [${node.cid.toString()}]: ${messageOf(error)}`)
    }
  }

  async #merge(): Promise<void> {
    const { blocks, feed, log } = this.#parts
    const draft = this.#newDraft()
    const turn: Turn = { merged: [], added: [] }
    try {
      await this.#backlog.merge(draft, this.#state, this.#maxTurnBlocks, turn)
      this.growth += await draft.write()
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      const names = turn.merged.map(({ node }) => node.cid.toString()).join(' ')
      log.error(`error merging delta from ${names}: ${error.message}`)
      await this.#mergeFailed(turn.merged, error)
      return
    }
    this.#failures = 0
    this.#maxTurnBlocks = MAX_TURN_BLOCKS
    this.merged += turn.merged.length
    blocks.release(turn.merged.map(({ node }) => node.id))
    if (this.#isFirstSync) this.#mergedInFirstSync += turn.merged.length
    else feed.add(draft.changed)
    for (const { node, isCounted } of turn.merged) {
      if (node.delta.priority % 50n === 0n) {
        log.info(`merged delta from node ${node.cid.toString()} (priority: ${node.delta.priority.toString()})`)
      }
      if (isCounted) this.#fetcher.consumed(node.bytes.length)
    }
    this.#fetcher.add(turn.added)
  }

  async #mergeFailed(turn: readonly Ready[], error: Error): Promise<void> {
    const announced = turn.filter(({ job }) => !job.isLinked).map(({ job }) => job.cid)
    if (turn.length > 1) {
      this.#maxTurnBlocks = 1 // find the one that fails
      await this.#recover(error, 0)
      this.announced(announced)
      return
    }
    await this.#recover(error)
    const job = turn[0] && this.#state.jobs.get(turn[0].node.id)
    if (job !== undefined && error instanceof CrdtError) this.#setAside(job)
  }

  /** A turn failed: what is in memory may be ahead of the datastore, so it is read again. */
  async #recover(error: Error, delayMs?: number): Promise<void> {
    this.lastError = error.message
    const { clock, log, signal } = this.#parts
    await this.#fetcher.close()
    await this.#backlog.clear()
    if (this.#isClosing || signal.aborted) {
      this.#isStopped = true // what was acknowledged stands in the journal
      return
    }
    this.#fetcher = this.#newFetcher()
    try {
      await this.load()
    } catch (cause) {
      log.error(`cannot read the store: ${messageOf(cause)}`)
    }
    const retryMs = delayMs ?? Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 16)
    if (retryMs === 0) return
    this.#cancelRetry = clock.setTimer(clock.nowMs() + retryMs, () => {
      this.#cancelRetry = undefined
      this.kick()
    })
  }

  #hasWork(): boolean {
    return this.#backlog.isDue || this.#tasks.size > 0 || this.#parts.publisher.hasDue
  }

  #checkIdle(): void {
    const { jobs } = this.#state
    if (this.#running !== undefined || this.#backlog.size > 0 || this.#hasWork()) return
    if (!this.#parts.publisher.isIdle) return
    if (jobs.size > this.#fetcher.retrying) return
    if (jobs.size === 0) this.#backlog.trim()
    if (this.#isFirstSync && this.#mergedInFirstSync > 0) {
      this.#isFirstSync = false
      this.#parts.feed.resync()
    }
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}
