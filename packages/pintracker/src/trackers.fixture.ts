import { itemsOf, pinOf, timestampFromMs, type Pin, type PinsetOperation, type TrackedPin } from '@cluster/api'
import { MemoryDatastore, MemoryPinset, settle, SteeredIpfs, testCid, testContext, testPeerId } from '@cluster/testing'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, expect } from 'vitest'
import { IndexedTracker, type IndexedTrackerContext } from './indexed-tracker.ts'
import type { QueueLimits } from './operation-queue.ts'

type Context = ReturnType<typeof freshContext>

/** Trackers of a test file, one at a time, over collaborators in memory and a clock that stands still. */
interface Trackers {
  /** New for each test. */
  readonly context: Context
  readonly tracker: IndexedTracker
  /** Replaces the tracker that there was, if any; that one should have been stopped. */
  readonly start: (over?: Partial<IndexedTrackerContext>, limits?: Partial<QueueLimits>) => Promise<void>
  /** A pin of now that all peers hold; by default of the first test CID. */
  readonly everywhere: (cid?: CID, over?: Partial<Pin>) => Pin
  /** Changes the pinset, then tells the tracker. */
  readonly change: (...changes: readonly PinsetOperation[]) => Promise<void>
  /** Pins everywhere, in one change. */
  readonly pinAll: (...cids: readonly CID[]) => Promise<void>
  readonly infos: (filter?: number) => Promise<readonly TrackedPin[]>
  readonly statuses: () => Promise<readonly number[]>
}

/**
 * Trackers that are stopped after each test; what they leave behind fails it.
 *
 * @param mayBeFatal - whether tests break the peer on purpose
 */
export function trackersOfTest(limits: QueueLimits, { mayBeFatal = false } = {}): Trackers {
  let context: Context = freshContext()
  let tracker: IndexedTracker | undefined
  const current = (): IndexedTracker => tracker ?? expect.unreachable('no tracker was started')
  beforeEach(() => {
    context = freshContext()
    tracker = undefined
  })
  afterEach(async () => {
    await tracker?.stop({}).catch((error: unknown) => {
      if (!mayBeFatal) throw error
    })
    expect(context.clock.pending).toBe(0)
    if (!mayBeFatal) expect(context.fatals).toEqual([])
  })

  const everywhere = (cid = testCid(0), over: Partial<Pin> = {}): Pin => {
    const timestamp = timestampFromMs(context.clock.nowMs())
    return { ...pinOf(cid, { timestamp }), replicationFactorMin: -1, replicationFactorMax: -1, ...over }
  }
  const change = async (...changes: readonly PinsetOperation[]): Promise<void> => {
    context.pinset.apply(changes)
    await current().apply(changes, {})
    await settle()
  }
  const infos = (filter = 0): Promise<TrackedPin[]> => Array.fromAsync(itemsOf(current().statusAll(filter, {})))
  return {
    get context() {
      return context
    },
    get tracker() {
      return current()
    },
    start: async (over = {}, otherLimits = {}) => {
      tracker = new IndexedTracker({ ...context, ...over }, { ...limits, ...otherLimits })
      tracker.start({})
      await settle()
    },
    everywhere,
    change,
    pinAll: (...cids) => change(...cids.map((cid) => ({ type: 'pin' as const, pin: everywhere(cid) }))),
    infos,
    statuses: async () => (await infos()).map(({ status }) => status)
  }
}

function freshContext() {
  const ipfs = new SteeredIpfs(testPeerId(9))
  return { ...testContext(), datastore: new MemoryDatastore(), pinset: new MemoryPinset(), ipfs }
}
