import type { CID } from 'multiformats/cid'
import type { Announcer } from './announcer.ts'
import { Backlog, type Turn } from './backlog.ts'
import type { Faults } from './faults.ts'
import { Fetcher, type FetchLimits } from './fetcher.ts'
import { isHopeless, reasonOf } from '../errors.ts'
import { Walk, type Job, type Jobs } from './jobs.ts'
import type { Clock, CrdtStorage, DagExchange, Logger } from '../ports.ts'
import type { SyncWatch } from '../status/sync-watch.ts'
import type { Draft } from '../store/draft.ts'
import type { Layout } from '../store/layout.ts'
import type { CrdtState } from '../store/process.ts'
import type { ProcessedFilter } from '../store/processed-filter.ts'
import { blockIdOf } from '../wire/block-id.ts'

/** What the intake works with. */
export interface IntakeParts {
  readonly storage: CrdtStorage
  readonly layout: Layout
  readonly exchange: DagExchange
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly limits: FetchLimits
  readonly signal: AbortSignal
  readonly announcer: Announcer
  readonly faults: Faults
  readonly filter: ProcessedFilter
  readonly watch: SyncWatch
  jobs(): Jobs
  /** Something may be due. */
  wake(): void
  /** Something is not queued any more. */
  settled(): void
}

/** What comes from others: announced heads and the blocks below them are fetched, and wait here to be merged. */
export class Intake {
  readonly #parts: IntakeParts
  readonly #backlog: Backlog
  #fetcher: Fetcher

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#fetcher = this.#newFetcher()
    const { clock, storage, layout, signal, limits } = parts
    this.#backlog = new Backlog({
      clock,
      timeoutMs: limits.blockTimeoutMs,
      isKnown: (id) => {
        if (parts.jobs().get(id) !== undefined) return true
        return parts.filter.has(id) ?? storage.has(layout.processed(id), { signal })
      },
      wake: () => {
        parts.wake()
      },
      lost: (job, error) => {
        if (error === undefined) this.#fetcher.add([job])
        else this.#fetcher.fail(job, error)
      }
    })
  }

  /** Blocks that are here and wait to be merged. */
  get ready(): number {
    return this.#backlog.size
  }
  get fetching(): number {
    return this.#fetcher.fetching + this.#backlog.fetching
  }
  get pendingHeads(): number {
    return this.#fetcher.pendingHeads
  }
  get retrying(): number {
    return this.#fetcher.retrying
  }
  /** Whether it is time to merge. */
  get isDue(): boolean {
    return this.#backlog.isDue
  }

  /** A peer announced these heads. Never waits. */
  announced(cids: readonly CID[], from?: string): void {
    const { announcer, exchange, watch } = this.#parts
    const known = this.#parts.jobs()
    const jobs: Job[] = []
    for (const cid of cids) {
      announcer.saw(cid)
      if (known.get(blockIdOf(cid)) !== undefined) continue
      jobs.push(known.announce(cid, new Walk(() => exchange.createSession(), from)))
    }
    if (jobs.length === 0) return
    this.#fetcher.add(jobs.reverse()) // the last one is fetched first
    watch.check()
  }

  /** The blocks of these jobs have to be fetched. */
  add(jobs: readonly Job[]): void {
    this.#fetcher.add(jobs)
  }

  /** Fetches again at once what could not be fetched. */
  retryNow(): void {
    this.#fetcher.retryNow()
  }

  /** Merges what is here into the draft of one write; `turn` lists what was taken. */
  merge(draft: Draft, state: CrdtState, maxBlocks: number, turn: Turn): Promise<void> {
    return this.#backlog.merge(draft, state, maxBlocks, turn)
  }

  /** What a turn took is written. */
  merged({ merged, added }: Turn): void {
    const { log } = this.#parts
    let bytes = 0
    for (const { node, isCounted } of merged) {
      if (node.delta.priority % 50n === 0n) {
        log.info(`merged delta from node ${node.cid.toString()} (priority: ${node.delta.priority.toString()})`)
      }
      if (isCounted) bytes += node.bytes.length
    }
    this.#fetcher.consumed(bytes)
    this.#fetcher.add(added)
  }

  /** Nothing can be done about this block now: a repair comes back to it. */
  setAside(job: Job): void {
    this.#parts.jobs().setAside(job)
    this.#parts.faults.markDirty()
  }

  /** Nothing is queued any more that could need what was fetched ahead. */
  trim(): void {
    this.#backlog.trim()
  }

  /** Ends all that is on its way, and forgets it. {@link Intake.restart} goes on. */
  async stop(): Promise<void> {
    await this.#fetcher.close()
    await this.#backlog.clear()
  }

  restart(): void {
    this.#fetcher = this.#newFetcher()
  }

  #newFetcher(): Fetcher {
    const { clock, random, limits, layout, storage, filter, signal, watch } = this.#parts
    return new Fetcher(clock, random, limits, {
      isProcessed: async ({ id }) => filter.has(id) ?? storage.has(layout.processed(id), { signal }),
      fetched: (job, node) => {
        this.#backlog.push(job, node)
      },
      dropped: (job) => {
        if (job.isLinked) this.#fetcher.add([job])
        else this.#parts.jobs().remove(job)
        watch.check()
        this.#parts.settled()
      },
      gaveWay: () => {
        watch.droppedHead()
      },
      failed: (job, error, nextTryMs) => {
        this.#failed(job, error, nextTryMs)
      }
    })
  }

  #failed(job: Job, error: Error, nextTryMs: number | undefined): void {
    const { faults, watch } = this.#parts
    const jobs = this.#parts.jobs()
    jobs.failed(job, error.message, nextTryMs)
    faults.fetchFailed(job, error)
    if (!job.isLinked) {
      if (reasonOf(error) === undefined) watch.droppedHead()
      jobs.remove(job)
    } else if (isHopeless(error)) this.setAside(job)
    watch.fetchFailed(job)
    this.#parts.settled()
  }
}
