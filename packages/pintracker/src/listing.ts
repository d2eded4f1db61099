import {
  MAX_PAGE_ITEMS,
  pinsetKey,
  timestampFromMs,
  TrackerStatus,
  trackerStatusMatches,
  type Clock,
  type IpfsConnector,
  type ListOptions,
  type Pages,
  type Pin,
  type ReadonlyState,
  type TrackedPin
} from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { dutyOf, statusFrom, statusFromIpfs } from './assess.ts'
import { isOperation, type IndexRecord } from './index-record.ts'
import { join, type Joined } from './join.ts'
import type { OperationQueue } from './operation-queue.ts'
import { cidOfKey, type IndexEntry, type StatusIndex } from './status-index.ts'
import { trackedError, trackedLost, trackedOperation, trackedPin, trackedRecord } from './tracked-pin.ts'
import { barePin } from './work.ts'

/** How many questions to IPFS a listing has open at once. */
const CONCURRENT_QUESTIONS = 16
/** Statuses that also pins without any operation may have: listing them means to go through the pinset. */
const OF_THE_PINSET =
  TrackerStatus.pinned | TrackerStatus.unexpectedlyUnpinned | TrackerStatus.sharded | TrackerStatus.remote

/** What listing needs. */
interface ListingContext {
  readonly self: PeerId
  readonly clock: Clock
  readonly pinset: ReadonlyState
  readonly ipfs: Pick<IpfsConnector, 'pinLsCid'>
  readonly index: StatusIndex
  readonly queue: OperationQueue
}

/**
 * The status of one CID: of its operation if there is one, else from the pinset, else as IPFS says. The index learns
 * what IPFS says.
 *
 * @see behaviours.md §4.5
 */
export async function statusOf(context: ListingContext, cid: CID, options: AbortOptions): Promise<TrackedPin> {
  const { self, clock, pinset, index, queue } = context
  const key = pinsetKey(cid)
  const operation = queue.get(key)
  if (operation !== undefined) return trackedOperation(operation)
  const record = await index.get(key, options)
  const timestamp = timestampFromMs(clock.nowMs())
  let pin: Pin | undefined
  try {
    pin = await pinset.get(cid, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    return trackedError(barePin(cid), error, timestamp)
  }
  const status = statusFrom(pin, record, self)
  if (pin === undefined) {
    return status === undefined || status === 'ask'
      ? trackedPin(barePin(cid), TrackerStatus.unpinned, { timestamp })
      : trackedRecord(barePin(cid), status, record)
  }
  // what waits or failed, and what IPFS need not have, is known; of the rest one pin at a time can be asked for
  const isKnown = record?.state === 'pin' || dutyOf(pin, self) !== 'pin'
  return isKnown && status !== undefined && status !== 'ask'
    ? trackedRecord(pin, status, record)
    : askIpfs(context, pin, record, options)
}

/**
 * The statuses that match a filter, in pinset order, a page of pinset and index in memory. IPFS is asked only about pins
 * that the index does not know.
 *
 * @see behaviours.md §4.6, with its corrections
 */
export async function* statusesOf(
  context: ListingContext,
  filter: TrackerStatus,
  options: ListOptions
): Pages<TrackedPin> {
  const abort = abortOf(options)
  let left = options.limit ?? Infinity
  let page: TrackedPin[] = []
  if (left <= 0) return
  await context.index.flush()
  for await (const batch of candidates(context, filter, options)) {
    for (let at = 0; at < batch.length; at += CONCURRENT_QUESTIONS) {
      const some = batch.slice(at, at + CONCURRENT_QUESTIONS)
      for (const info of await Promise.all(some.map((joined) => infoOf(context, joined, filter, abort)))) {
        if (info === undefined || !trackerStatusMatches(info.status, filter)) continue
        page.push(info)
        left -= 1
        if (left === 0) {
          yield page
          return
        }
        if (page.length < MAX_PAGE_ITEMS) continue
        yield page
        page = []
      }
    }
    if (page.length > 0) yield page
    page = []
  }
}

type Candidate = Joined<Pin, IndexEntry>

function candidates(
  context: ListingContext,
  filter: TrackerStatus,
  options: ListOptions
): AsyncIterable<readonly Candidate[]> {
  const { pinset, index } = context
  const { after } = options
  const abort = abortOf(options)
  const entries = index.scan(after === undefined ? undefined : pinsetKey(after), abort)
  if (filter !== TrackerStatus.undefined && (filter & OF_THE_PINSET) === 0) return unfinished(context, entries, abort)
  const pins = pinset.list({ ...abort, after })
  return join(
    pins,
    (pin: Pin) => pinsetKey(pin.cid),
    entries,
    ({ key }: IndexEntry) => key
  )
}

/** Only what is waiting, under way or failed, without going through the pinset. */
async function* unfinished(
  { pinset }: ListingContext,
  entries: Pages<IndexEntry>,
  options: AbortOptions
): AsyncGenerator<readonly Candidate[], void, undefined> {
  for await (const page of entries) {
    const batch: Candidate[] = []
    for (const right of page) {
      if (!isOperation(right.record) || right.record.state === 'remote') continue
      const left = right.record.state === 'pin' ? await pinset.get(cidOfKey(right.key), options) : undefined
      batch.push({ key: right.key, left, right })
    }
    if (batch.length > 0) yield batch
  }
}

async function infoOf(
  context: ListingContext,
  { key, left: pin, right }: Candidate,
  filter: TrackerStatus,
  options: AbortOptions
): Promise<TrackedPin | undefined> {
  const operation = context.queue.get(key)
  if (operation !== undefined) return trackedOperation(operation)
  const listed = right?.record
  // an operation that was under way when the page was read may be done by now
  const record = isOperation(listed) ? await context.index.get(key, options) : listed
  const status = statusFrom(pin, record, context.self)
  if (status === undefined) return undefined
  if (status === 'ask') return pin === undefined ? undefined : askIpfs(context, pin, record, options)
  // spare what will not be listed
  return trackerStatusMatches(status, filter) ? trackedRecord(pin ?? barePin(cidOfKey(key)), status, record) : undefined
}

/** Asks IPFS about one pin that is ours to keep, and notes the answer in the index. */
async function askIpfs(
  context: ListingContext,
  pin: Pin,
  record: IndexRecord | undefined,
  options: AbortOptions
): Promise<TrackedPin> {
  const { clock, ipfs } = context
  let status: TrackerStatus
  try {
    status = statusFromIpfs(await ipfs.pinLsCid(pin, options), pin.maxDepth)
  } catch (error) {
    options.signal?.throwIfAborted()
    return trackedError(pin, error, timestampFromMs(clock.nowMs()))
  }
  await learn(context, pin, record, status, options)
  if (status === TrackerStatus.unexpectedlyUnpinned) return trackedLost(pin)
  return trackedPin(pin, status, { timestamp: pin.timestamp })
}

/** Notes what IPFS said, unless something happened to the CID meanwhile. */
async function learn(
  { index, queue, clock }: ListingContext,
  pin: Pin,
  seen: IndexRecord | undefined,
  status: TrackerStatus,
  options: AbortOptions
): Promise<void> {
  if (status !== TrackerStatus.pinned && status !== TrackerStatus.unexpectedlyUnpinned) return
  const state = status === TrackerStatus.pinned ? 'pinned' : 'lost'
  if (seen?.state === state) return
  const key = pinsetKey(pin.cid)
  const record = await index.get(key, options)
  if (queue.get(key) !== undefined || record?.at !== seen?.at || record?.state !== seen?.state) return
  const learnt: IndexRecord = { state, at: timestampFromMs(clock.nowMs()), attempts: 0, error: '', priority: false }
  index.set(key, state === 'pinned' ? { ...learnt, depth: pin.maxDepth } : learnt)
}

function abortOf({ signal }: AbortOptions): AbortOptions {
  return signal === undefined ? {} : { signal }
}
