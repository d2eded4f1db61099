import { pinsetKey, type ComponentContext } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import { listByStatus } from './list-by-status.ts'
import type { ListQuery } from './list-query.ts'
import type { Listed } from './newest-first.ts'
import { IndexFeed } from './pin-index/index-feed.ts'
import { listByIndex } from './pin-index/list-by-index.ts'
import { PinIndex } from './pin-index/pin-index.ts'
import type { RecentChanges } from './recent-changes.ts'

/** Answers listings. */
export interface Listing {
  start(): void
  stop(): Promise<void>
  /** Whether listings are answered from an index. */
  isIndexed(): boolean
  list(query: ListQuery, options: AbortOptions): Promise<Listed>
}

/**
 * The listings of a peer: from an index on disk where the peer has a store and tells of changes, else, and wherever that
 * does not do, from the statuses of all pins.
 */
export function openListing(context: ComponentContext<'api'>, recent: RecentChanges): Listing {
  const { cluster, indexStore, clock, log } = context
  const fromStatuses: Listing['list'] = (query, options) => listByStatus(cluster, query, recent.all(), options)
  const forget = (keys: Iterable<string>): void => {
    for (const key of keys) recent.forget(key)
  }
  if (indexStore === undefined || cluster.events === undefined) {
    let unwatch: (() => void) | undefined
    return {
      start: () => {
        unwatch = cluster.events?.watch((event) => {
          if (event.type !== 'pinset' || event.change.type === 'resync') return
          forget([pinsetKey(event.change.type === 'pin' ? event.change.pin.cid : event.change.cid)])
        })
      },
      stop: () => {
        unwatch?.()
        return Promise.resolve()
      },
      isIndexed: () => false,
      list: fromStatuses
    }
  }
  const index = new PinIndex(indexStore.namespace(new Key('/pinsvc')))
  const feed = new IndexFeed({ cluster, clock, log }, index, forget)
  return {
    start: () => {
      feed.start()
    },
    stop: () => feed.stop(),
    isIndexed: () => feed.isReady,
    async list(query, options) {
      const signal = options.signal ?? new AbortController().signal
      const listed = feed.isReady ? await listByIndex(cluster, index, query, recent.all(), signal) : undefined
      return listed ?? (await fromStatuses(query, options))
    }
  }
}
