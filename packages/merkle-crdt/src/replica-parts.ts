import type { Announcer } from './sync/announcer.ts'
import type { ChangeFeed } from './changes/change-feed.ts'
import type { FirstWriteOptions } from './changes/first-write.ts'
import type { Publisher } from './changes/publisher.ts'
import type { DagBlocks } from './store/dag-blocks.ts'
import type { DirtyMark } from './store/dirty-mark.ts'
import type { Layout } from './store/layout.ts'
import type { EventSink } from './status/sync-watch.ts'
import type { CatchUpOptions } from './sync/catch-up/options.ts'
import type { FetchLimits } from './sync/fetcher.ts'
import type { Clock, CrdtStorage, DagExchange, Logger } from './ports.ts'

/** What a `Replica` works with. */
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
  readonly dirty: DirtyMark
  readonly events: EventSink
  /** Whether tombstones that say nothing any more are forgotten. */
  readonly isCollecting: boolean
  /** Absent: the first change is made at once. */
  readonly firstWrite?: FirstWriteOptions | undefined
  readonly catchUp?: CatchUpOptions | undefined
  /** Whether a block of local changes is formed while the last one is at the disk. Absent: if it pays. */
  readonly formAhead?: boolean | undefined
  /** Whether a repair runs. */
  isRepairing(): boolean
  /** Whether the content is only half there, so that nothing may be built on it: tasks run, nothing else does. */
  isHeldUp(): boolean
  headsChanged(): void
}
