import { pinsetKey, type Pin, type ReadonlyState } from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { dutyOf, isFailed, stepFor } from './assess.ts'
import type { DaemonListing } from './daemon-listing.ts'
import { join } from './join.ts'
import { isOperation } from './index-record.ts'
import type { OperationType } from './operation.ts'
import { MAX_WAIT_MS } from './retry-schedule.ts'
import { cidOfKey, type IndexEntry, type StatusIndex } from './status-index.ts'
import { barePin, isPinError, type Work } from './work.ts'

/** What comparing needs. */
interface ReconcileContext {
  readonly self: PeerId
  readonly pinset: ReadonlyState
  readonly index: StatusIndex
  readonly work: Work
  readonly listing: Pick<DaemonListing, 'lacks'>
}

/**
 * Compares pinset and index in pinset order, holding a page of each, and queues what differs: pins that are missing,
 * unpins of what is no longer wanted. What finds no room stays in the index as to be done.
 *
 * @see behaviours.md §4.8
 */
export async function reconcile(context: ReconcileContext, options: AbortOptions): Promise<void> {
  const { self, pinset, index, work, listing } = context
  await index.flush()
  const pins = pinset.list(options)
  const keyOf = ({ key }: IndexEntry): string => key
  for await (const page of join(pins, (pin: Pin) => pinsetKey(pin.cid), index.scan(undefined, options), keyOf)) {
    const differing = page.filter(({ left, right }) => stepFor(left, right?.record, self).type !== 'none')
    // the page may be older than what was done since
    const keys = differing.map(({ key }) => key)
    const lacks = await listing.lacks(keys, options)
    const records = await index.getMany(keys, options)
    for (const [at, { key, left }] of differing.entries()) {
      const record = records[at]
      const step = stepFor(left, record, self)
      if (step.type === 'wait') work.retryLater(key, step.untilMs)
      if (step.type === 'wait' || step.type === 'none') continue
      const isAbsent = record === undefined && lacks[at] === true
      work.submit({ type: step.type, pin: left ?? barePin(cidOfKey(key)), record, isAbsent, whenFull: 'park' })
    }
    if (index.isBehind) await index.flush()
  }
  work.armRetry()
}

/**
 * Takes up again what the index says is still to be done: after a restart, and when there is room for what was parked.
 * It does not look for what the pinset no longer wants, which only {@link reconcile} may decide.
 */
export async function resume(context: ReconcileContext, options: AbortOptions): Promise<void> {
  const { index, work } = context
  // first this, then what is on the disk: what fails from here on is set again by itself
  work.retries.reset()
  await index.flush()
  const isFirst = !work.hasCounted
  for await (const page of index.scanFailed(undefined, options)) {
    for (const { key, record } of page) {
      if (isFirst && isPinError(record)) work.pinErrors += 1
      if (!isOperation(record) || work.queue.get(key) !== undefined) continue
      work.retryLater(key, record.retryAtMs ?? 0)
    }
  }
  work.hasCounted = true
  await takeUpAll(context, options)
  work.armRetry()
}

/** Queues what is still to be done, as long as there is room. */
async function takeUpAll(context: ReconcileContext, options: AbortOptions): Promise<void> {
  const { index, work } = context
  for await (const page of index.scanToDo(undefined, options)) {
    for (const { key, record } of page) {
      if (!isOperation(record) || isFailed(record) || work.queue.get(key) !== undefined) continue
      if (!(await takeUp(context, key, record.state, options))) return
    }
  }
}

/** Queues again what failed and is now due. */
export async function retryDue(context: ReconcileContext, nowMs: number, options: AbortOptions): Promise<void> {
  const { index, work } = context
  for (let key = work.retries.takeDue(nowMs); key !== undefined; key = work.retries.takeDue(nowMs)) {
    const record = await index.get(key, options)
    if (!isOperation(record) || !isFailed(record) || work.queue.get(key) !== undefined) continue
    await takeUp(context, key, record.state, options)
  }
  // those that found no place in the schedule; and all, when the clock was set back
  const isUnread = work.retries.size === 0 && !work.retries.isComplete
  if (isUnread || (work.retries.nextMs ?? 0) > nowMs + MAX_WAIT_MS) await resume(context, options)
  work.armRetry()
}

/**
 * Queues an operation that the index knows, if it is still wanted so; a change on its way will say if it is not.
 *
 * @returns false when there was no room: it stays in the index as to be done
 */
async function takeUp(
  { self, pinset, index, work }: ReconcileContext,
  key: string,
  type: OperationType,
  options: AbortOptions
): Promise<boolean> {
  const cid = cidOfKey(key)
  const pin = type === 'unpin' ? barePin(cid) : await pinset.get(cid, options)
  if (pin === undefined || (type !== 'unpin' && dutyOf(pin, self) !== type)) return true
  const record = await index.get(key, options)
  return record?.state === type ? work.submit({ type, pin, record, whenFull: 'park' }) : true
}
