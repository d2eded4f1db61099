import type { CID } from 'multiformats/cid'
import { isHopeless, messageOf, reasonOf } from '../errors.ts'
import type { Logger } from '../ports.ts'
import type { SyncWatch } from '../status/sync-watch.ts'
import type { DagBlocks } from '../store/dag-blocks.ts'
import type { DirtyMark } from '../store/dirty-mark.ts'
import type { Layout } from '../store/layout.ts'
import { blockIdOf } from '../wire/block-id.ts'
import type { Job } from './jobs.ts'

/** What is done about what went wrong. */
export class Faults {
  readonly #layout: Layout
  readonly #blocks: DagBlocks
  readonly #dirty: DirtyMark
  readonly #watch: SyncWatch
  readonly #log: Logger

  constructor(layout: Layout, blocks: DagBlocks, dirty: DirtyMark, watch: SyncWatch, log: Logger) {
    this.#layout = layout
    this.#blocks = blocks
    this.#dirty = dirty
    this.#watch = watch
    this.#log = log
  }

  /** The block of a job could not be had. If what is here is not the block, it must not be found again. */
  fetchFailed(job: Job, error: Error): void {
    const reason = reasonOf(error)
    this.#watch.failed(error)
    if (reason !== undefined) {
      this.#watch.rejected(reason, error.message, job.cid, job.walk.announcedBy)
      this.#delete(job.cid)
    }
    if (!job.isLinked) this.#log.warn(`error processing new head: ${error.message}`)
    else if (isHopeless(error)) this.#log.error(`error getting children: ${error.message}`)
    else this.#log.warn(`error getting children, trying again: ${job.cid.toString()}: ${error.message}`)
  }

  /**
   * The stored bytes of a merged block are damaged. What it changed stands in other entries; a repair fetches it from
   * other peers.
   */
  async foundCorrupt(cid: CID): Promise<void> {
    const place = this.#layout.block(blockIdOf(cid)).toString()
    this.#log.error(`the entry ${place} is damaged; a repair fetches it from other peers`)
    await this.#blocks.discard(cid)
    await this.#dirty.set()
  }

  #delete(cid: CID): void {
    this.#blocks.discard(cid).catch((error: unknown) => {
      this.#log.error(`cannot delete ${cid.toString()}: ${messageOf(error)}`)
    })
  }

  /** Something is missing that will not come by itself: a repair has to look for it. */
  markDirty(): void {
    this.#dirty.set().catch((error: unknown) => {
      this.#log.error(`cannot mark the store dirty: ${messageOf(error)}`)
    })
  }
}
