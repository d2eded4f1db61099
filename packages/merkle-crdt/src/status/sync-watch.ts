import type { CID } from 'multiformats/cid'
import { REJECTION_REASONS, type RejectionReason } from '../errors.ts'
import type { Clock } from '../ports.ts'
import type { Job } from '../sync/jobs.ts'
import {
  MAX_LISTED,
  type CrdtCounters,
  type CrdtEvents,
  type CrdtFault,
  type CrdtHead,
  type MissingBlock,
  type SyncProgress,
  type SyncVerdict
} from './crdt-status.ts'
import { judge, type VerdictFigures } from './verdict.ts'

/** Where events go: `isHeard` spares the making of those that nobody listens to. */
export interface EventSink {
  isHeard(type: keyof CrdtEvents): boolean
  emit<T extends keyof CrdtEvents>(type: T, detail: CrdtEvents[T]['detail']): void
}

/** What the watch reads when it is asked. */
export interface WatchSource {
  figures(): Omit<VerdictFigures, 'writeFailure' | 'oldestFailure'>
  oldestFailing(): Job | undefined
  heads(): readonly CrdtHead[]
  maxHeight(): bigint
  isFirstSync(): boolean
}

/** Counts what happens, remembers what went wrong, and tells who listens. */
export class SyncWatch {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #events: EventSink
  readonly #source: WatchSource
  readonly #rejected = Object.fromEntries(REJECTION_REASONS.map((reason) => [reason, 0])) as Record<
    RejectionReason,
    number
  >
  #merged = 0
  #published = 0
  #failedFetches = 0
  #droppedHeads = 0
  #failedWrites = 0
  #done = 0
  #writeFailure: string | undefined
  #lastError: CrdtFault | undefined
  #state: SyncVerdict['state'] | undefined

  constructor(clock: Pick<Clock, 'nowMs'>, events: EventSink, source: WatchSource) {
    this.#clock = clock
    this.#events = events
    this.#source = source
  }

  get lastError(): CrdtFault | undefined {
    return this.#lastError
  }

  get counters(): CrdtCounters {
    return {
      merged: this.#merged,
      published: this.#published,
      rejected: { ...this.#rejected },
      failedFetches: this.#failedFetches,
      droppedHeads: this.#droppedHeads,
      failedWrites: this.#failedWrites
    }
  }

  get rejectedCount(): number {
    return Object.values(this.#rejected).reduce((sum, count) => sum + count, 0)
  }

  get verdict(): SyncVerdict {
    const job = this.#source.oldestFailing()
    const oldestFailure =
      job === undefined
        ? undefined
        : { cid: job.cid.toString(), sinceMs: job.sinceMs, reason: job.lastReason ?? 'unknown' }
    return judge({ ...this.#source.figures(), oldestFailure, writeFailure: this.#writeFailure })
  }

  get progress(): SyncProgress | undefined {
    const { jobs } = this.#source.figures()
    if (jobs === 0) return undefined
    const isFirst = this.#source.isFirstSync()
    const known = this.#done + jobs
    const height = Number(this.#source.maxHeight())
    return { isFirst, done: this.#done, known: isFirst ? Math.max(known, height) : known }
  }

  /** Blocks of others were taken in. */
  merged(blocks: number): void {
    this.#merged += blocks
    this.#done += blocks
    this.#written()
    if (this.#events.isHeard('progress')) {
      const { progress } = this
      if (progress !== undefined) this.#events.emit('progress', progress)
    }
  }

  /** A block of local changes was made. */
  published(): void {
    this.#published += 1
    this.#written()
  }

  #written(): void {
    this.#writeFailure = undefined
    this.check()
  }

  headsChanged(): void {
    if (this.#events.isHeard('heads')) this.#events.emit('heads', this.#source.heads())
  }

  rejected(reason: RejectionReason, message: string, cid: CID | undefined, from: string | undefined): void {
    this.#rejected[reason] += 1
    if (this.#events.isHeard('rejected')) this.#events.emit('rejected', { reason, message, cid, from })
  }

  fetchFailed(job: Job): void {
    this.#failedFetches += 1
    if (this.#events.isHeard('missing')) this.#events.emit('missing', missingBlock(job))
    this.check()
  }

  droppedHead(): void {
    this.#droppedHeads += 1
  }

  /** A turn could not be written. */
  writeFailed(error: Error): void {
    this.#failedWrites += 1
    this.#writeFailure = error.message
    this.failed(error)
  }

  /** Something went wrong. */
  failed(error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    this.#lastError = { code, message: error.message, atMs: this.#clock.nowMs() }
    if (this.#events.isHeard('fault')) this.#events.emit('fault', this.#lastError)
    this.check()
  }

  /** Something moved: tells of another state, if it is one. */
  check(): void {
    if (this.#source.figures().jobs === 0) this.#done = 0
    if (!this.#events.isHeard('state')) return
    const { verdict } = this
    if (verdict.state === this.#state) return
    this.#state = verdict.state
    this.#events.emit('state', verdict)
  }
}

/** A job as it is shown. */
export function missingBlock(job: Job): MissingBlock {
  const { cid, root, isLinked, walk, sinceMs, attempts, lastReason, nextTryMs } = job
  const announcedBy = walk.announcedBy
  return { cid, root: root.cid, isAnnounced: !isLinked, announcedBy, sinceMs, attempts, lastReason, nextTryMs }
}

/** The highest heads first, as many as are shown. */
export function highestHeads(heads: readonly CrdtHead[]): CrdtHead[] {
  return [...heads]
    .sort((a, b) => (a.height === b.height ? 0 : a.height < b.height ? 1 : -1))
    .slice(0, MAX_LISTED)
    .map(({ cid, height }) => ({ cid, height }))
}
