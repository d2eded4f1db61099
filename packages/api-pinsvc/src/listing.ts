import type { ComponentContext } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { listByStatus } from './list-by-status.ts'
import type { ListQuery } from './list-query.ts'
import type { Listed } from './newest-first.ts'
import type { RecentChanges } from './recent-changes.ts'

/** Answers listings. */
export interface Listing {
  start(): void
  stop(): Promise<void>
  list(query: ListQuery, options: AbortOptions): Promise<Listed>
}

/** The listing of a peer. */
export function openListing({ cluster }: ComponentContext<'api'>, recent: RecentChanges): Listing {
  return {
    start: () => undefined,
    stop: () => Promise.resolve(),
    list: (query, options) => listByStatus(cluster, query, recent.all(), options)
  }
}
