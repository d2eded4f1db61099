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
import { dutyOf, statusFrom, statusFromIpfs, statusOfOperation } from './assess.ts'
import type { ChangedKeys } from './changed-keys.ts'
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

/** Statuses that only what failed or was lost can have. */
const OF_FAILURES = TrackerStatus.error | TrackerStatus.unexpectedlyUnpinned

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
  if (operation?.pin !== undefined) return trackedOperation(operation.pin, operation)
  const record = await index.get(key, options)
  const timestamp = timestampFromMs(clock.nowMs())
  let pin: Pin | undefined
  try {
    pin = await pinset.get(cid, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    return trackedError(barePin(cid), error, timestamp)
  }
  const current = queue.get(key)
  if (current !== undefined) return trackedOperation(current.pin ?? pin ?? barePin(cid), current)
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

/** Which statuses are wanted, and which part of them. */
export interface Wanted extends ListOptions {
  readonly filter: TrackerStatus
  /** The index was just compared with pinset and IPFS: all that is not pinned is to be found in it as such. */
  readonly isAudited?: boolean
}

/**
 * The statuses that match a filter, in pinset order, a page of pinset and index in memory. IPFS is asked only about pins
 * that the index does not know.
 *
 * @see behaviours.md §4.6, with its corrections
 */
export async function* statusesOf(context: ListingContext, wanted: Wanted): Pages<TrackedPin> {
  const { filter, limit = Infinity } = wanted
  const abort = abortOf(wanted)
  let left = limit
  if (left <= 0) return
  await context.index.flush()
  for await (const batch of candidates(context, wanted)) {
    for (const part of splitPage(batch)) {
      const infos = await infosOf(context, part, filter, abort)
      const page = infos.length > left ? infos.slice(0, left) : infos
      left -= page.length
      if (page.length > 0) yield page
      if (left === 0) return
    }
  }
}

type Candidate = Joined<Pin, IndexEntry>

function* splitPage(batch: readonly Candidate[]): Generator<readonly Candidate[]> {
  if (batch.length <= MAX_PAGE_ITEMS) yield batch
  else for (let at = 0; at < batch.length; at += MAX_PAGE_ITEMS) yield batch.slice(at, at + MAX_PAGE_ITEMS)
}

function candidates(context: ListingContext, wanted: Wanted): AsyncIterable<readonly Candidate[]> {
  const { pinset, index } = context
  const { after, filter, isAudited = false } = wanted
  const abort = abortOf(wanted)
  const afterKey = after === undefined ? undefined : pinsetKey(after)
  const ofThePinset = isAudited ? OF_THE_PINSET & ~TrackerStatus.unexpectedlyUnpinned : OF_THE_PINSET
  if (filter !== TrackerStatus.undefined && (filter & ofThePinset) === 0) {
    return unfinished(context, openEntries(index, filter, afterKey, abort), filter, abort)
  }
  return join(
    pinset.list({ ...abort, after }),
    (pin: Pin) => pinsetKey(pin.cid),
    index.scan(afterKey, abort),
    ({ key }: IndexEntry) => key
  )
}

/** What is still to be done or failed, as far as the filter asks for it. */
async function* openEntries(
  index: StatusIndex,
  filter: TrackerStatus,
  after: string | undefined,
  options: AbortOptions
): AsyncGenerator<readonly IndexEntry[], void, undefined> {
  if ((filter & ~OF_FAILURES) === 0) {
    yield* index.scanFailed(after, options)
    return
  }
  const keyOf = ({ key }: IndexEntry): string => key
  const pages = join(index.scanToDo(after, options), keyOf, index.scanFailed(after, options), keyOf)
  for await (const page of pages) yield page.flatMap(({ left, right }) => left ?? right ?? [])
}

/** Only what is waiting, under way, failed or lost, without going through the pinset. */
async function* unfinished(
  { pinset, queue }: ListingContext,
  entries: Pages<IndexEntry>,
  filter: TrackerStatus,
  options: AbortOptions
): AsyncGenerator<readonly Candidate[], void, undefined> {
  for await (const page of entries) {
    const batch: Candidate[] = []
    for (const right of page) {
      const { key, record } = right
      if (record.state === 'remote') continue
      // spare what will not be listed
      const isOpen = queue.get(key) !== undefined || record.state === 'lost'
      if (!isOpen && !trackerStatusMatches(statusOfOperation(record), filter)) continue
      const left = record.state === 'unpin' ? undefined : await pinset.get(cidOfKey(key), options)
      batch.push({ key, left, right })
    }
    if (batch.length > 0) yield batch
  }
}

/** What is said of a page. Nearly always all of it is known; IPFS is asked about the rest, a few at once. */
async function infosOf(
  context: ListingContext,
  page: readonly Candidate[],
  filter: TrackerStatus,
  options: AbortOptions
): Promise<readonly TrackedPin[]> {
  const infos = page.map((candidate) => knownInfo(context, candidate, candidate.right?.record, filter))
  const open = infos.flatMap((info, at) => (info === 'ask' ? [at] : []))
  for (let at = 0; at < open.length; at += CONCURRENT_QUESTIONS) {
    const some = open.slice(at, at + CONCURRENT_QUESTIONS)
    const found = await Promise.all(some.map((place) => openInfo(context, page[place], filter, options)))
    for (const [index, place] of some.entries()) infos[place] = found[index]
  }
  return infos.filter((info): info is TrackedPin => {
    return info !== undefined && info !== 'ask' && trackerStatusMatches(info.status, filter)
  })
}

/** What can be said without asking; `ask` where that is not enough, `undefined` where there is nothing to be listed. */
function knownInfo(
  { queue, self }: ListingContext,
  { key, left: pin, right }: Candidate,
  record: IndexRecord | undefined,
  filter: TrackerStatus
): TrackedPin | 'ask' | undefined {
  const operation = queue.get(key)
  if (operation !== undefined) {
    return trackedOperation(operation.pin ?? pin ?? barePin(cidOfKey(key)), operation)
  }
  // an operation that was under way when the page was read may be done by now
  if (isOperation(record) && record === right?.record) return 'ask'
  const status = statusFrom(pin, record, self)
  if (status === 'ask') return pin === undefined ? undefined : 'ask'
  // spare what will not be listed
  if (status === undefined || !trackerStatusMatches(status, filter)) return undefined
  return trackedRecord(pin ?? barePin(cidOfKey(key)), status, record)
}

async function openInfo(
  context: ListingContext,
  candidate: Candidate | undefined,
  filter: TrackerStatus,
  options: AbortOptions
): Promise<TrackedPin | undefined> {
  if (candidate === undefined) return undefined
  const { key, left: pin } = candidate
  const record = await context.index.get(key, options)
  const info = knownInfo(context, { ...candidate, right: undefined }, record, filter)
  if (info !== 'ask') return info
  return pin === undefined ? undefined : askIpfs(context, pin, record, options)
}

/** Asks IPFS about one pin that is ours to keep, and notes the answer in the index. */
async function askIpfs(
  context: ListingContext,
  pin: Pin,
  record: IndexRecord | undefined,
  options: AbortOptions
): Promise<TrackedPin> {
  const { clock, index, ipfs } = context
  const changed = index.watchChanges()
  let status: TrackerStatus
  try {
    status = statusFromIpfs(await ipfs.pinLsCid(pin, options), pin.maxDepth)
    learn(context, pin, record, status, changed)
  } catch (error) {
    options.signal?.throwIfAborted()
    return trackedError(pin, error, timestampFromMs(clock.nowMs()))
  } finally {
    changed.end()
  }
  if (status === TrackerStatus.unexpectedlyUnpinned) return trackedLost(pin)
  return trackedPin(pin, status, { timestamp: pin.timestamp })
}

/** Notes what IPFS said, unless something happened to the CID meanwhile. */
function learn(
  { index, queue, clock }: ListingContext,
  pin: Pin,
  seen: IndexRecord | undefined,
  status: TrackerStatus,
  changed: ChangedKeys
): void {
  if (status !== TrackerStatus.pinned && status !== TrackerStatus.unexpectedlyUnpinned) return
  const state = status === TrackerStatus.pinned ? 'pinned' : 'lost'
  const key = pinsetKey(pin.cid)
  if (seen?.state === state || queue.get(key) !== undefined || changed.has(key) || changed.isFull) return
  const learnt: IndexRecord = { state, at: timestampFromMs(clock.nowMs()), attempts: 0, error: '', priority: false }
  index.correct(key, state === 'pinned' ? { ...learnt, depth: pin.maxDepth } : learnt)
}

function abortOf({ signal }: AbortOptions): AbortOptions {
  return signal === undefined ? {} : { signal }
}
