import { itemsOf, pinsetKey, TrackerStatus, type Cluster, type GlobalPinInfo } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { isWanted, type ListQuery } from './list-query.ts'
import { NewestFirst, type Listed } from './newest-first.ts'
import type { RecentChange } from './recent-changes.ts'
import { servedPin } from './served-pin.ts'
import { serviceStatusOf, type ServiceStatus } from './service-status.ts'

/** How many CIDs of one request are asked for at the same time. */
const CIDS_AT_ONCE = 16

type Recent = ReadonlyMap<string, RecentChange>

/**
 * Answers a listing from the statuses of all pins: always right, in the memory of the results, and in a time that grows
 * with the pinset.
 *
 * @see http-apis.md §6.7
 */
export async function listByStatus(
  cluster: Cluster,
  query: ListQuery,
  recent: Recent,
  options: AbortOptions
): Promise<Listed> {
  const newest = new NewestFirst(query.limit)
  const unseen = new Map(recent)
  for await (const info of itemsOf(cluster.statuses.statusAll(TrackerStatus.undefined, options))) {
    take(info, serviceStatusOf(info), query, unseen, newest)
  }
  takeUnseen(unseen, query, newest)
  return newest.listed
}

/** Answers a listing of some CIDs. What is not pinned is left out. */
export async function listCids(
  cluster: Cluster,
  cids: readonly CID[],
  query: ListQuery,
  recent: Recent,
  options: AbortOptions
): Promise<Listed> {
  const newest = new NewestFirst(query.limit)
  const distinct = [...new Map(cids.map((cid) => [pinsetKey(cid), cid])).entries()]
  const unseen = new Map(recent)
  for (let at = 0; at < distinct.length; at += CIDS_AT_ONCE) {
    const some = distinct.slice(at, at + CIDS_AT_ONCE)
    const infos = await Promise.all(some.map(([, cid]) => cluster.statuses.status(cid, options)))
    for (const info of infos) take(info, serviceStatusOf(info), query, unseen, newest)
  }
  const wanted = new Set(distinct.map(([key]) => key))
  takeUnseen(new Map([...unseen].filter(([key]) => wanted.has(key))), query, newest)
  return newest.listed
}

/** Adds a pin to the matches if it is one. What was done here lately counts more than what is not newer. */
function take(
  info: GlobalPinInfo,
  status: ServiceStatus | undefined,
  query: ListQuery,
  unseen: Map<string, RecentChange>,
  newest: NewestFirst
): void {
  const pin = servedPin(info, info.created)
  const change = unseen.get(pin.key)
  if (change?.type === 'removed') return
  if (change !== undefined && (status === undefined || change.pin.createdMs > pin.createdMs)) return
  unseen.delete(pin.key)
  if (status !== undefined && query.statuses.has(status) && isWanted(pin, query)) newest.add({ pin, status })
}

function takeUnseen(unseen: Recent, query: ListQuery, newest: NewestFirst): void {
  if (!query.statuses.has('queued')) return
  for (const change of unseen.values()) {
    if (change.type === 'pinned' && isWanted(change.pin, query)) newest.add({ pin: change.pin, status: 'queued' })
  }
}
