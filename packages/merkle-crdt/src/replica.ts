import type { CID } from 'multiformats/cid'
import { MAX_TURN_BLOCKS, type Ready, type Turn } from './sync/backlog.ts'
import { addLocalBlock } from './changes/local-block.ts'
import { FirstWrite } from './changes/first-write.ts'
import { Publishing, type FormedBlock } from './changes/publishing.ts'
import { serveBlock } from './changes/serve-block.ts'
import { wait } from './sync/deadline.ts'
import { Draft } from './store/draft.ts'
import { CrdtError, messageOf } from './errors.ts'
import { Faults } from './sync/faults.ts'
import { Fifo } from './sync/fifo.ts'
import { FirstSync } from './first-sync.ts'
import { Heads, type Head } from './store/heads.ts'
import { Intake } from './sync/intake.ts'
import { Jobs, type Job } from './sync/jobs.ts'
import type { DeltaNode } from './wire/node.ts'
import type { ReplicaParts } from './replica-parts.ts'
import { loadState } from './store/load-state.ts'
import type { CrdtState } from './store/process.ts'
import { ProcessedFilter } from './store/processed-filter.ts'
import { highestHeads, SyncWatch } from './status/sync-watch.ts'
import { PendingWrites } from './store/pending-writes.ts'
import { Turns } from './turns.ts'

/** Something that runs between two turns; `fail` if it will not run any more. */
interface Task {
  run(): Promise<void>
  fail(error: Error): void
}

/**
 * The one writer of the store. It works in turns: each makes a block of local changes or merges fetched blocks, and
 * ends with one atomic durable write. Everything else, above all fetching, goes on beside it. A block of local changes
 * may be formed while the one before is at the disk; all other turns wait for that.
 */
export class Replica {
  readonly #parts: ReplicaParts
  #state: CrdtState
  readonly #tasks = new Fifo<Task>()
  readonly #turns: Turns
  readonly #writes: PendingWrites
  readonly #firstWrite: FirstWrite
  readonly #publishing: Publishing
  #isMergeNext = false
  readonly #firstSync = new FirstSync()
  readonly watch: SyncWatch
  readonly intake: Intake
  readonly #filter: ProcessedFilter
  readonly #faults: Faults
  #isClosing = false
  #maxTurnBlocks = MAX_TURN_BLOCKS
  #idleWaiters: (() => void)[] = []
  /** Keys that got a value, less those that lost theirs, since the start. */
  growth = 0

  constructor(parts: ReplicaParts) {
    this.#parts = parts
    this.#state = { heads: new Heads(), jobs: new Jobs(parts.clock) }
    this.watch = new SyncWatch(parts.clock, parts.events, {
      figures: () => ({
        headCount: this.heads.size,
        jobs: this.queuedJobs,
        failing: this.#state.jobs.failing.size,
        ready: this.intake.ready,
        isDirty: parts.dirty.isSet,
        isRepairing: parts.isRepairing(),
        firstWriteUntilMs: this.#firstWrite.untilMs
      }),
      oldestFailing: () => this.#state.jobs.failing.values().next().value,
      heads: () => highestHeads(this.heads.written),
      maxHeight: () => this.heads.maxHeight,
      isFirstSync: () => this.#firstSync.isRunning
    })
    this.#filter = new ProcessedFilter(parts.storage, parts.layout, parts.clock, parts.signal)
    parts.blocks.useFilter(this.#filter)
    this.#faults = new Faults(parts.layout, parts.blocks, parts.dirty, this.watch, parts.log)
    this.#writes = new PendingWrites(parts.storage)
    this.#firstWrite = new FirstWrite(parts.firstWrite, {
      ...parts,
      hasHeads: () => this.heads.size > 0,
      announced: (cids, from) => {
        this.announced(cids, from)
      },
      changed: () => {
        this.watch.check()
        this.kick()
      }
    })
    this.#publishing = new Publishing({
      ...parts,
      firstWrite: this.#firstWrite,
      state: () => this.#state,
      newDraft: () => this.#newDraft(),
      added: (jobs) => {
        this.intake.add(jobs)
      },
      published: (block, growth) => {
        this.#published(block, growth)
      },
      recover: (error) => this.#recover(error),
      wake: () => {
        this.kick()
      }
    })
    this.#turns = new Turns(parts.clock, {
      hasWork: () => this.#hasWork(),
      next: () => this.#next(),
      rested: () => {
        this.#checkIdle()
      }
    })
    this.intake = new Intake({
      ...parts,
      faults: this.#faults,
      filter: this.#filter,
      watch: this.watch,
      jobs: () => this.#state.jobs,
      wake: () => {
        this.kick()
      },
      settled: () => {
        this.#checkIdle()
      }
    })
  }

  get heads(): Heads {
    return this.#state.heads
  }
  get queuedJobs(): number {
    return this.#state.jobs.size
  }
  /** What is queued to be fetched or merged, the longest first. */
  get jobs(): Iterable<Job> {
    return this.#state.jobs.values()
  }
  /** Reads what a former run left, and goes on with it. */
  async load(): Promise<void> {
    await this.#filter.load()
    await this.#load()
    this.#firstSync.loaded(this.heads.size)
    this.watch.check()
  }

  async #load(): Promise<void> {
    const { storage, layout, exchange, clock, signal } = this.#parts
    const { heads, jobs } = await loadState(storage, layout, exchange, clock, signal, (head) =>
      this.#faults.foundCorrupt(head)
    )
    this.#state.jobs.clear()
    this.#state = { heads, jobs }
    this.intake.add([...jobs.values()])
  }

  /** A peer announced these heads. Never waits. */
  announced(cids: readonly CID[], from?: string): void {
    if (!this.#isClosing) this.intake.announced(cids, from)
  }

  /** Starts a turn, if there is something to do and none runs. */
  kick(): void {
    this.#turns.kick()
  }

  /** Runs a task between two turns, whose draft is written afterwards. */
  inTurn<T>(task: (state: CrdtState, draft: Draft) => Promise<T>): Promise<T> {
    return this.#between(async () => {
      const draft = this.#newDraft()
      const before = new Set(this.#state.jobs.values())
      const headsBefore = this.heads.changes
      const result = await task(this.#state, draft)
      this.growth += await draft.write()
      if (this.heads.changes !== headsBefore) this.#wroteHeads(this.heads.list())
      this.intake.add([...this.#state.jobs.values()].filter((job) => !before.has(job)))
      return result
    })
  }

  /**
   * Runs something between two turns that writes to the datastore itself; then the store is read again.
   *
   * @param task - returns by how many keys the store grew
   */
  rewrite(task: () => Promise<number>): Promise<void> {
    return this.#between(async () => {
      this.growth += await task()
      const announced = [...this.jobs].filter(({ isLinked }) => !isLinked)
      await this.intake.stop()
      this.intake.restart()
      await this.load()
      for (const { cid, walk } of announced) this.announced([cid], walk.announcedBy)
      this.#parts.feed.resync()
    })
  }

  #between<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isClosing) return Promise.reject(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    return new Promise((resolve, reject) => {
      this.#tasks.push({
        run: async () => {
          await this.#publishing.settle()
          try {
            resolve(await run())
          } catch (cause) {
            const error = cause instanceof Error ? cause : new Error(String(cause))
            reject(error)
            await this.#recover(error)
          }
        },
        fail: reject
      })
      this.kick()
    })
  }

  /** Joins all heads by an empty block. */
  async mergeHeads(): Promise<void> {
    const { exchange } = this.#parts
    const node = await this.inTurn(async (state, draft) => {
      if (state.heads.size < 2) return undefined
      const delta = { elements: [], tombstones: [], priority: state.heads.nextHeight }
      return (await addLocalBlock(draft, state, delta, exchange)).node
    })
    if (node === undefined) return
    this.watch.published()
    await this.#serve(node)
  }

  /** Resolves when everything known is merged, but for blocks that could not be fetched and are tried again. */
  idle(signal: AbortSignal): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#idleWaiters.push(resolve)
    })
    this.#checkIdle()
    return wait(idle, signal)
  }

  /** Ends without making blocks of what waits: the store could not be opened. */
  async abandon(error: Error): Promise<void> {
    this.#isClosing = true
    this.#turns.stop()
    await this.intake.stop()
    await this.#firstWrite.close()
    this.#parts.publisher.close()
    await this.#turns.done()
    this.#abandon(error)
    await this.#filter.close()
    this.#state.jobs.clear()
  }

  /** Makes blocks of what still waits, then ends. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.intake.stop()
    await this.#firstWrite.close()
    this.#parts.publisher.close()
    this.#turns.resume()
    do {
      await this.#turns.done()
      await this.#publishing.settle()
    } while (this.#turns.isRunning)
    this.#turns.stop()
    this.#abandon(new CrdtError('ERR_CRDT_CLOSED', 'closed'))
    await this.#filter.close()
    this.#state.jobs.clear()
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  /** Nothing runs any more: who waits is told. What was acknowledged stands in the journal. */
  #abandon(error: Error): void {
    for (let task = this.#tasks.take(); task !== undefined; task = this.#tasks.take()) task.fail(error)
    this.#parts.publisher.fail(error)
  }

  #newDraft(): Draft {
    const { layout, signal, isCollecting } = this.#parts
    return new Draft(this.#writes, layout, { signal }, { filter: this.#filter, isCollecting })
  }

  /** Tasks come first, then local changes, since somebody waits for them; but never two in a row if others wait. */
  #next(): (() => Promise<void>) | undefined {
    const task = this.#tasks.take()
    if (task !== undefined) return () => task.run()
    if (this.#parts.isHeldUp()) return this.#publishing.isBusy ? () => this.#publishing.settle() : undefined
    const merge = this.intake.isDue ? (): Promise<void> => this.#merge() : undefined
    if (this.#isMergeNext && merge !== undefined) return merge
    const publish = this.#publishing.next()
    this.#isMergeNext = publish !== undefined
    return publish ?? merge
  }

  /** A block of local changes is on the disk. */
  #published({ draft, node, heads, entries, why }: FormedBlock, growth: number): void {
    const { feed, log } = this.#parts
    this.growth += growth
    this.#turns.succeeded()
    this.#firstSync.published(this.#state.jobs.size)
    if (node !== undefined) {
      this.watch.published()
      this.#parts.blocks.wrote([node.id])
    }
    if (heads !== undefined) this.#wroteHeads(heads)
    if (why !== 'group') log.info(`batch commit (${why}): ${entries.length} items`)
    feed.add(draft.changed)
    const served = node === undefined ? Promise.resolve() : this.#serve(node)
    void served.finally(() => {
      for (const entry of entries) entry.settle()
    })
  }

  #serve(node: DeltaNode): Promise<void> {
    return serveBlock(this.#parts, node, () => this.#isClosing)
  }

  async #merge(): Promise<void> {
    this.#isMergeNext = false
    await this.#publishing.settle()
    if (!this.intake.isDue) return // a block that failed on the disk took all with it
    const { blocks, feed, log } = this.#parts
    const draft = this.#newDraft()
    const turn: Turn = { merged: [], added: [] }
    const headsBefore = this.heads.changes
    try {
      await this.intake.merge(draft, this.#state, this.#maxTurnBlocks, turn)
      this.growth += await draft.write()
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      const names = turn.merged.map(({ node }) => node.cid.toString()).join(' ')
      log.error(`error merging delta from ${names}: ${error.message}`)
      await this.#mergeFailed(turn.merged, error)
      return
    }
    this.#turns.succeeded()
    this.#maxTurnBlocks = MAX_TURN_BLOCKS
    this.watch.merged(turn.merged.length)
    if (this.heads.changes !== headsBefore) this.#wroteHeads(this.heads.list())
    blocks.wrote(turn.merged.map(({ node }) => node.id))
    this.#firstSync.add(turn.merged.length)
    if (!this.#firstSync.isRunning) feed.add(draft.changed)
    this.intake.merged(turn)
  }

  #wroteHeads(heads: readonly Head[]): void {
    this.heads.wrote(heads)
    this.watch.headsChanged()
    this.#parts.headsChanged()
  }

  async #mergeFailed(turn: readonly Ready[], error: Error): Promise<void> {
    const announced = turn.map(({ job }) => job).filter(({ isLinked }) => !isLinked)
    if (turn.length > 1) {
      this.#maxTurnBlocks = 1 // find the one that fails
      await this.#recover(error, announced, 0)
      return
    }
    await this.#recover(error, error instanceof CrdtError ? [] : announced)
    const job = turn[0] && this.#state.jobs.get(turn[0].node.id)
    if (job !== undefined && error instanceof CrdtError) this.intake.setAside(job)
  }

  /** A turn failed: what is in memory may be ahead of the datastore, so it is read again. */
  async #recover(error: Error, lost: readonly Job[] = [], delayMs?: number): Promise<void> {
    const { log, signal } = this.#parts
    const announced = [...lost, ...[...this.jobs].filter(({ isLinked }) => !isLinked)]
    await this.intake.stop()
    if (this.#isClosing || signal.aborted) {
      this.#turns.stop()
      this.#abandon(error)
      return
    }
    this.watch.writeFailed(error)
    this.intake.restart()
    try {
      await this.#load()
    } catch (cause) {
      log.error(`cannot read the store: ${messageOf(cause)}`)
    }
    for (const { cid, walk } of announced) this.announced([cid], walk.announcedBy)
    this.#turns.pause(delayMs)
  }

  #hasWork(): boolean {
    if (this.#tasks.size > 0) return true
    return !this.#parts.isHeldUp() && (this.intake.isDue || this.#publishing.isDue)
  }

  #checkIdle(): void {
    const { jobs } = this.#state
    if (this.#turns.isRunning || this.#publishing.isBusy || this.intake.ready > 0 || this.#hasWork()) return
    if (!this.#parts.publisher.isIdle) return
    if (jobs.size > this.intake.retrying) return
    if (jobs.size === 0) this.intake.trim()
    if (this.#firstSync.finish()) this.#parts.feed.resync()
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}
