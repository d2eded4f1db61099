import { IPFSPinStatus, pinOf, pinsetKey, TrackerStatus, type Pages, type Pin } from '@cluster/api'
import { MemoryDatastore, MemoryPinset, SteeredIpfs, testCid, testContext, testPeerId } from '@cluster/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { audit, type AuditContext } from './audit.ts'
import { DaemonListing } from './daemon-listing.ts'
import type { IndexRecord, RecordState } from './index-record.ts'
import { statusOf } from './listing.ts'
import { OperationQueue } from './operation-queue.ts'
import { StatusIndex } from './status-index.ts'

const LIMITS = { maxPinQueueSize: 9, concurrentPins: 9, priorityPinMaxAgeMs: 9, priorityPinMaxRetries: 9 }
const everywhere = (index: number, maxDepth = -1): Pin => {
  return { ...pinOf(testCid(index)), replicationFactorMin: -1, replicationFactorMax: -1, maxDepth }
}
const record = (state: RecordState, at = 1n): IndexRecord => ({ state, at, attempts: 0, error: '', priority: false })
const key = (index: number): string => pinsetKey(testCid(index))

describe('comparing the index with IPFS', () => {
  let context: AuditContext & {
    readonly ipfs: SteeredIpfs
    readonly pinset: MemoryPinset
    readonly store: MemoryDatastore
  }
  const stateOf = async (index: number): Promise<string | undefined> => (await context.index.get(key(index), {}))?.state

  beforeEach(() => {
    const store = new MemoryDatastore()
    const { self, clock } = testContext()
    const index = new StatusIndex(store, () => undefined)
    const queue = new OperationQueue(LIMITS)
    const ipfs = new SteeredIpfs(testPeerId(9))
    context = { self, clock, store, listing: new DaemonListing(store), ipfs, pinset: new MemoryPinset(), index, queue }
  })
  const want = (...pins: Pin[]): void => {
    context.pinset.apply(pins.map((pin) => ({ type: 'pin', pin })))
  }

  it('corrects what IPFS contradicts, and learns what the index did not know', async () => {
    want(everywhere(1), everywhere(2), everywhere(3), everywhere(4), everywhere(5, 0))
    context.index.set(key(1), record('pinned'))
    context.index.set(key(2), record('lost'))
    for (const index of [2, 3, 5]) await context.ipfs.pin(everywhere(index), {})
    await context.ipfs.pin(everywhere(6), {})
    await audit(context, {})
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(stateOf))).toEqual([
      'lost',
      'pinned',
      'pinned',
      'lost',
      'pinned',
      undefined
    ])
  })

  it('leaves operations alone, and what changed since it began', async () => {
    want(everywhere(1), everywhere(2), everywhere(3))
    context.index.set(key(1), record('pin'))
    context.queue.submit({ key: key(3), type: 'pin', pin: everywhere(3), attempts: 0 }, 0)
    const list = context.ipfs.pinLs.bind(context.ipfs)
    context.ipfs.pinLs = async function* (
      types,
      options
    ): Pages<{ cid: ReturnType<typeof testCid>; type: IPFSPinStatus }> {
      yield* list(types, options)
      // pinned after IPFS was asked
      context.index.set(key(2), record('pinned', 2n ** 62n))
    }
    await audit(context, {})
    expect(await Promise.all([1, 2, 3].map(stateOf))).toEqual(['pin', 'pinned', undefined])
  })

  it('corrects what a clock that was ahead has written', async () => {
    want(everywhere(1))
    context.index.set(key(1), record('pinned', 2n ** 62n))
    await audit(context, {})
    expect(await stateOf(1)).toBe('lost')
  })

  it('keeps of the listing what it knows nothing of, and nothing at all if it fails', async () => {
    want(everywhere(1))
    for (let index = 10; index < 20; index++) await context.ipfs.pin(everywhere(index), {})
    const list = context.ipfs.pinLs.bind(context.ipfs)
    context.ipfs.pinLs = async function* (types, options): ReturnType<typeof list> {
      yield* list(types, options)
      if (types.includes('recursive')) throw new Error('gone')
    }
    await expect(audit(context, {})).rejects.toThrow(
      expect.objectContaining({ code: 'IPFS', message: 'could not get pinset from IPFS: gone' })
    )
    expect(context.store.size).toBe(0)
    context.ipfs.pinLs = list
    for (const index of [11, 12, 13]) await context.ipfs.unpin(testCid(index), {})
    expect(await context.listing.lacks([key(30)], {})).toEqual([false])
    await audit(context, {})
    await audit(context, {})
    // the record of what is lost, twice, and what others have pinned
    expect(context.store.size).toBe(2 + 7)
    expect(await context.listing.lacks([key(10), key(11)], {})).toEqual([false, true])
  })

  it('does not note what IPFS said of a CID to which something happened meanwhile', async () => {
    want(everywhere(1))
    context.ipfs.pinLsCid = () => {
      context.index.set(key(1), record('pinned', 7n))
      return Promise.resolve(IPFSPinStatus.unpinned)
    }
    expect((await statusOf(context, testCid(1), {})).status).toBe(TrackerStatus.unexpectedlyUnpinned)
    expect(await stateOf(1)).toBe('pinned')
    context.ipfs.pinLsCid = () => Promise.resolve(IPFSPinStatus.unpinned)
    await statusOf(context, testCid(1), {})
    expect(await stateOf(1)).toBe('lost')
  })
})
