import {
  IPFSPinStatus,
  pinsetKey,
  timestampFromMs,
  TrackerStatus,
  type Clock,
  type IpfsConnector,
  type Pin,
  type ReadonlyState
} from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { dutyOf, statusFromIpfs } from './assess.ts'
import type { DaemonListing, Found } from './daemon-listing.ts'
import type { IndexRecord } from './index-record.ts'
import { join } from './join.ts'
import type { OperationQueue } from './operation-queue.ts'
import type { StatusIndex } from './status-index.ts'

/** What an audit needs. */
export interface AuditContext {
  readonly self: PeerId
  readonly clock: Clock
  readonly listing: DaemonListing
  readonly ipfs: Pick<IpfsConnector, 'pinLs'>
  readonly pinset: ReadonlyState
  readonly index: StatusIndex
  readonly queue: OperationQueue
}

/**
 * Compares the index with what IPFS says it has pinned, and corrects it: what is wanted and missing becomes `lost`, what
 * is there becomes `pinned`. What IPFS has pinned for others stays in the listing. A listing that breaks off corrects
 * nothing.
 *
 * @throws {ClusterError} `IPFS` when it cannot be listed
 */
export async function audit(context: AuditContext, options: AbortOptions): Promise<void> {
  const { self, clock, listing, ipfs, pinset, index, queue } = context
  const startedAt = timestampFromMs(clock.nowMs())
  const changed = index.watchChanges()
  try {
    await listing.fill(ipfs, options)
    const pins = pinset.list(options)
    const keyOfPin = (pin: Pin): string => pinsetKey(pin.cid)
    for await (const page of join(pins, keyOfPin, listing.scan(options), ({ key }: Found) => key)) {
      const ours = page.flatMap(({ key, left: pin, right }) => {
        if (pin === undefined || dutyOf(pin, self) !== 'pin') return []
        return [{ key, pin, answer: right?.status ?? IPFSPinStatus.unpinned }]
      })
      const keys = ours.map(({ key }) => key)
      const records = await index.getMany(keys, options)
      for (const [at, { key, pin, answer }] of ours.entries()) {
        // what changed while IPFS was listing is newer than the list
        if (queue.get(key) !== undefined || changed.has(key)) continue
        const record = records[at]
        if (changed.isFull && (record === undefined || record.at > startedAt)) continue
        const corrected = correct(pin, record, answer, startedAt)
        if (corrected !== undefined) index.correct(key, corrected)
      }
      const known = ours.filter(({ answer }) => answer !== IPFSPinStatus.unpinned)
      await listing.forget(
        known.map(({ key }) => key),
        options
      )
      if (index.isBehind) await index.flush()
    }
  } catch (error) {
    await listing.clear({})
    throw error
  } finally {
    changed.end()
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
  // operations have their own course
  if (record !== undefined && record.state !== 'pinned' && record.state !== 'lost') return undefined
  const isPinned = statusFromIpfs(answer, pin.maxDepth) === TrackerStatus.pinned
  if (record?.state === (isPinned ? 'pinned' : 'lost')) return undefined
  const base = { at: startedAt, attempts: 0, error: '', priority: false }
  return isPinned ? { ...base, state: 'pinned', depth: pin.maxDepth } : { ...base, state: 'lost' }
}
