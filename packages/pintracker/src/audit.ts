import {
  ClusterError,
  IPFSPinStatus,
  pinsetKey,
  timestampFromMs,
  TrackerStatus,
  type Clock,
  type DatastoreOperation,
  type IpfsConnector,
  type Pages,
  type PeerDatastore,
  type Pin,
  type ReadonlyState
} from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import { dutyOf, statusFromIpfs } from './assess.ts'
import type { IndexRecord } from './index-record.ts'
import { join } from './join.ts'
import type { OperationQueue } from './operation-queue.ts'
import type { StatusIndex } from './status-index.ts'

/** What an audit needs. */
export interface AuditContext {
  readonly self: PeerId
  readonly clock: Clock
  readonly store: PeerDatastore
  readonly ipfs: Pick<IpfsConnector, 'pinLs'>
  readonly pinset: ReadonlyState
  readonly index: StatusIndex
  readonly queue: OperationQueue
}

interface Found {
  readonly key: string
  readonly status: IPFSPinStatus
}

const FOUND = '/a/'
const END = new Key('/a0', false)

/**
 * Compares the index with what IPFS says it has pinned, and corrects it: what is wanted and missing becomes `lost`, what
 * is there becomes `pinned`. IPFS lists its pins in no order, so they are sorted through the datastore; memory stays
 * that of a page.
 *
 * @throws {ClusterError} `IPFS` when it cannot be listed
 */
export async function audit(context: AuditContext, options: AbortOptions): Promise<void> {
  const { self, clock, store, pinset, index, queue } = context
  const startedAt = timestampFromMs(clock.nowMs())
  await clear(store, options)
  try {
    // recursive last: where a CID is pinned both ways, that is what counts
    await sortIn(context, 'direct', options)
    await sortIn(context, 'recursive', options)
    const pins = pinset.list(options)
    const keyOfPin = (pin: Pin): string => pinsetKey(pin.cid)
    for await (const page of join(pins, keyOfPin, found(store, options), ({ key }: Found) => key)) {
      const ours = page.flatMap(({ key, left: pin, right }) => {
        if (pin === undefined || dutyOf(pin, self) !== 'pin') return []
        return [{ key, pin, answer: right?.status ?? IPFSPinStatus.unpinned }]
      })
      const keys = ours.map(({ key }) => key)
      const records = await index.getMany(keys, options)
      for (const [at, { key, pin, answer }] of ours.entries()) {
        if (queue.get(key) !== undefined) continue
        const corrected = correct(pin, records[at], answer, startedAt)
        if (corrected !== undefined) index.set(key, corrected)
      }
      if (index.isBehind) await index.flush()
    }
  } finally {
    await clear(store, {})
  }
  await index.flush()
}

/** The record that agrees with IPFS, if this one does not. */
function correct(
  pin: Pin,
  record: IndexRecord | undefined,
  answer: IPFSPinStatus,
  startedAt: bigint
): IndexRecord | undefined {
  // operations have their own course; and what changed while IPFS was listing may be newer than the list
  if (record !== undefined && (record.at > startedAt || (record.state !== 'pinned' && record.state !== 'lost'))) {
    return undefined
  }
  const isPinned = statusFromIpfs(answer, pin.maxDepth) === TrackerStatus.pinned
  if (record?.state === (isPinned ? 'pinned' : 'lost')) return undefined
  const base = { at: startedAt, attempts: 0, error: '', priority: false }
  return isPinned ? { ...base, state: 'pinned', depth: pin.maxDepth } : { ...base, state: 'lost' }
}

async function sortIn(
  { ipfs, store }: AuditContext,
  type: 'direct' | 'recursive',
  options: AbortOptions
): Promise<void> {
  const pages = ipfs.pinLs([type], options)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await nextPage(pages)
      if (next.done === true) return
      const puts = next.value.map(({ cid, type: status }): DatastoreOperation => {
        return { put: { key: new Key(FOUND + pinsetKey(cid), false), value: Uint8Array.of(status) } }
      })
      await store.commit(puts, { ...options, durable: false })
    }
  } finally {
    await pages.return?.()
  }
}

/** The next page; a failure of IPFS is told apart from one of the datastore. */
async function nextPage<T>(pages: AsyncIterator<readonly T[]>): Promise<IteratorResult<readonly T[]>> {
  try {
    return await pages.next()
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new ClusterError('IPFS', `could not get pinset from IPFS: ${text}`, { cause: error })
  }
}

async function* found(store: PeerDatastore, options: AbortOptions): Pages<Found> {
  for await (const page of store.scan({ gte: new Key(FOUND, false), lt: END }, options)) {
    yield page.map(({ key, value }) => ({
      key: key.toString().slice(FOUND.length),
      status: value[0] ?? IPFSPinStatus.bug
    }))
  }
}

async function clear(store: PeerDatastore, options: AbortOptions): Promise<void> {
  for await (const page of store.scan({ gte: new Key(FOUND, false), lt: END }, options)) {
    await store.commit(
      page.map(({ key }) => ({ delete: key })),
      { ...options, durable: false }
    )
  }
}
