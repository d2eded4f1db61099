import { itemsOf, pinsetKey, TrackerStatus, type Cluster } from '@cluster/api'
import { isNameWanted, isWanted, type ListQuery } from '../list-query.ts'
import { NewestFirst, type Listed } from '../newest-first.ts'
import type { RecentChange } from '../recent-changes.ts'
import type { ServedPin } from '../served-pin.ts'
import { serviceStatusOf, type ServiceStatus } from '../service-status.ts'
import { nameHash, orderRange, pinKeyOf, searchedMeta, searchedName } from './index-record.ts'
import type { PinIndex } from './pin-index.ts'
import { decodeSegment } from './segment.ts'

/** What a pin that is not just pinned may be. Trackers find these without reading the rest. */
const OPEN = TrackerStatus.pinError | TrackerStatus.unpinError | TrackerStatus.pinQueued | TrackerStatus.pinning
/** Most pins that are not just pinned; with more the statuses of all are read. */
const MAX_OPEN = 16_384
/** Records that are read at a time. */
const RECORDS_AT_ONCE = 512
/** Most writings of one name, in letter case, that are looked up one by one. */
const MAX_WRITINGS = 16

type Recent = ReadonlyMap<string, RecentChange>

/** A pin that the index shows otherwise than it is: its status, and what it is now if the index does not know. */
interface Exception {
  readonly status: ServiceStatus | undefined
  readonly pin: ServedPin | undefined
}

/** The pins of the index that are wanted, whatever their status. */
interface Matches {
  readonly count: number
  /** Keys of the newest, as many as are asked for. */
  readonly newest: readonly string[]
}

/**
 * Answers a listing from the index and from what the trackers say of pins that are not just pinned: all others are.
 *
 * @returns `undefined` where that does not work: too many pins are under way, or a peer that holds some is not there
 * @see http-apis.md §6.7
 */
export async function listByIndex(
  cluster: Cluster,
  index: PinIndex,
  query: ListQuery,
  recent: Recent,
  signal: AbortSignal
): Promise<Listed | undefined> {
  const reachable = new Set(cluster.health.latestMetrics('ping').map(({ peer }) => peer.toString()))
  for (const holder of index.holders) if (!reachable.has(holder)) return undefined
  const open = await openPins(cluster, signal)
  if (open === undefined) return undefined
  return await index.lock.read(async () => {
    const exceptions = await exceptionsOf(index, open, recent)
    const newest = new NewestFirst(query.limit)
    for (const { status, pin } of exceptions.values()) {
      if (status === undefined || pin === undefined) continue
      if (query.statuses.has(status) && isWanted(pin, query)) newest.add({ pin, status })
    }
    const { count, results } = newest.listed
    if (!query.statuses.has('pinned')) return { count, results }
    const hidden = await hiddenMatches(index, exceptions, query)
    const matches = await matchesOf(index, query, query.limit + hidden, signal)
    const keys = matches.newest.filter((key) => !exceptions.has(key)).slice(0, query.limit)
    for (const pin of await index.records(keys)) if (pin !== undefined) newest.add({ pin, status: 'pinned' })
    return { count: count + matches.count - hidden, results: newest.listed.results }
  })
}

/** What the trackers of all peers say of pins that are not just pinned; nothing when these are too many. */
async function openPins(
  cluster: Cluster,
  signal: AbortSignal
): Promise<ReadonlyMap<string, ServiceStatus> | undefined> {
  const open = new Map<string, ServiceStatus>()
  for await (const info of itemsOf(cluster.statuses.statusAll(OPEN, { signal }))) {
    const status = serviceStatusOf(info)
    if (status !== undefined) open.set(pinsetKey(info.cid), status)
    if (open.size > MAX_OPEN) return undefined
  }
  return open
}

async function exceptionsOf(
  index: PinIndex,
  open: ReadonlyMap<string, ServiceStatus>,
  recent: Recent
): Promise<ReadonlyMap<string, Exception>> {
  const exceptions = new Map<string, Exception>()
  const keys = [...open.keys()]
  for (let at = 0; at < keys.length; at += RECORDS_AT_ONCE) {
    const some = keys.slice(at, at + RECORDS_AT_ONCE)
    const records = await index.records(some)
    for (const [place, key] of some.entries()) exceptions.set(key, { status: open.get(key), pin: records[place] })
  }
  for (const [key, change] of recent) {
    if (change.type === 'removed') exceptions.set(key, { status: undefined, pin: undefined })
    else exceptions.set(key, { status: exceptions.get(key)?.status ?? 'queued', pin: change.pin })
  }
  return exceptions
}

/** How many pins of the index are wanted that are not what the index shows. */
async function hiddenMatches(
  index: PinIndex,
  exceptions: ReadonlyMap<string, Exception>,
  query: ListQuery
): Promise<number> {
  const keys = [...exceptions.keys()]
  let hidden = 0
  for (let at = 0; at < keys.length; at += RECORDS_AT_ONCE) {
    for (const pin of await index.records(keys.slice(at, at + RECORDS_AT_ONCE))) {
      if (pin !== undefined && isWanted(pin, query)) hidden += 1
    }
  }
  return hidden
}

async function matchesOf(index: PinIndex, query: ListQuery, limit: number, signal: AbortSignal): Promise<Matches> {
  if (query.meta.size > 0) return await scan(index, query, limit, signal)
  if (query.name === '') return await inOrder(index, query, limit, signal)
  if (query.match === 'partial' || query.match === 'ipartial') return await scan(index, query, limit, signal)
  return (await byName(index, query, limit, signal)) ?? (await scan(index, query, limit, signal))
}

async function inOrder({ order }: PinIndex, query: ListQuery, limit: number, signal: AbortSignal): Promise<Matches> {
  const range = orderRange(query)
  const isWhole = query.minMs === -Infinity && query.maxMs === Infinity
  const count = isWhole ? order.size : await order.count(range)
  const newest: string[] = []
  if (limit > 0) {
    for await (const { key } of order.entries(range, signal)) if (newest.push(pinKeyOf(key)) >= limit) break
  }
  return { count, newest }
}

/** All pins of one name, or of all its writings; nothing when these are too many. */
async function byName(
  index: PinIndex,
  query: ListQuery,
  limit: number,
  signal: AbortSignal
): Promise<Matches | undefined> {
  const all = await index.namesLike(query.name, signal)
  const wanted = query.match === 'exact' ? all.filter(({ hash }) => hash === nameHash(query.name)) : all
  if (wanted.length > MAX_WRITINGS) return undefined
  const isWhole = query.minMs === -Infinity && query.maxMs === Infinity
  const places: string[] = []
  let count = 0
  for (const { hash, count: counted } of wanted) {
    let seen = 0
    for await (const page of index.placesOfName(hash, orderRange(query), signal)) {
      places.push(...page.slice(0, Math.max(0, limit - seen)))
      seen += page.length
      if (isWhole && seen >= limit) break
    }
    count += isWhole ? counted : seen
  }
  return { count, newest: places.sort().slice(0, limit).map(pinKeyOf) }
}

/** Looks at all pins of the time that is asked for. */
async function scan({ order }: PinIndex, query: ListQuery, limit: number, signal: AbortSignal): Promise<Matches> {
  const range = orderRange(query)
  const needles = needlesOf(query)
  const newest: string[] = []
  let count = 0
  for await (const segment of order.segments(range, signal)) {
    if (needles.some((needle) => !segment.includes(needle))) continue
    for (const { key, value } of decodeSegment(segment)) {
      if (key < range.gte || key >= range.lt || needles.some((needle) => !value.includes(needle))) continue
      if (!isNameWanted(searchedName(value), query)) continue
      if (query.meta.size > 0 && !hasMeta(searchedMeta(value), query.meta)) continue
      count += 1
      if (newest.length < limit) newest.push(pinKeyOf(key))
    }
  }
  return { count, newest }
}

/** Bytes without which a segment, or an entry, is no match: looking for them is faster than reading. */
function needlesOf({ name, match, meta }: ListQuery): readonly Buffer[] {
  const texts = match === 'exact' || match === 'partial' ? [name] : []
  for (const [key, value] of meta) if (value !== '') texts.push(`${JSON.stringify(key)},${JSON.stringify(value)}`)
  return texts.filter((text) => text !== '').map((text) => Buffer.from(text))
}

function hasMeta(meta: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of wanted) if ((meta.get(key) ?? '') !== value) return false
  return true
}
