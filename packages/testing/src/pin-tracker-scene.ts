import {
  itemsOf,
  pinOf,
  timestampFromMs,
  trackerStatusToString,
  type PeerDatastore,
  type Pin,
  type PinsetOperation,
  type PinTracker,
  type TrackedPin
} from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { expect } from 'vitest'
import { settle } from './manual-clock.ts'
import { MemoryPinset } from './memory-consensus.ts'
import { MemoryDatastore } from './memory-datastore.ts'
import { SteeredIpfs } from './steered-ipfs.ts'
import { testCid } from './test-cid.ts'
import { testContext, type TestContext } from './test-context.ts'
import { testPeerId } from './test-peer-id.ts'

/** What a tracker under test is created with. */
export type PinTrackerTestContext = TestContext & {
  readonly datastore: PeerDatastore
  readonly pinset: MemoryPinset
  readonly ipfs: SteeredIpfs
}

/** The limits that a tracker under test must keep. */
export interface PinTrackerTestLimits {
  readonly maxPinQueueSize: number
  readonly concurrentPins: number
  readonly priorityPinMaxAgeMs: number
  readonly priorityPinMaxRetries: number
}

const LIMITS: PinTrackerTestLimits = {
  maxPinQueueSize: 1000,
  concurrentPins: 10,
  priorityPinMaxAgeMs: 86_400_000,
  priorityPinMaxRetries: 5
}

/** Gives a new tracker, not started. */
export type CreateTracker = (context: PinTrackerTestContext, limits: PinTrackerTestLimits) => PinTracker

const NAMES = ['one', 'two', 'three', 'four', 'slow'] as const
const CIDS = [testCid(1), testCid(2), testCid(3), testCid(4), testCid(5)] as const

/** A tracker with its surroundings, and short words for what the scenarios do with it. */
export class TrackerScene {
  readonly cids = CIDS
  context: PinTrackerTestContext = freshContext()
  readonly #create: CreateTracker
  #tracker: PinTracker | undefined

  constructor(create: CreateTracker) {
    this.#create = create
  }

  get tracker(): PinTracker {
    if (this.#tracker === undefined) throw new Error('no tracker was started')
    return this.#tracker
  }

  reset(): void {
    this.context = freshContext()
    this.#tracker = undefined
  }

  readonly startWith = async (limits: Partial<PinTrackerTestLimits> = {}): Promise<void> => {
    this.#tracker = this.#create(this.context, { ...LIMITS, ...limits })
    await this.#tracker.start?.({})
    await settle()
  }

  /** Stops the tracker: it must leave nothing behind. */
  async end(): Promise<void> {
    await this.#tracker?.stop?.({})
    expect(this.context.clock.pending).toBe(0)
    expect(this.context.ipfs.running).toBe(0)
    expect(this.context.fatals).toEqual([])
  }

  readonly everywhere = (cid: CID, over: Partial<Pin> = {}): Pin => {
    const timestamp = timestampFromMs(this.context.clock.nowMs())
    return { ...pinOf(cid, { replicationFactorMin: -1, replicationFactorMax: -1, timestamp }), ...over }
  }

  readonly elsewhere = (cid: CID): Pin => {
    return { ...this.everywhere(cid), replicationFactorMin: 1, replicationFactorMax: 1, allocations: [testPeerId(77)] }
  }

  readonly pinned = (cid: CID, over: Partial<Pin> = {}): PinsetOperation => {
    return { type: 'pin', pin: this.everywhere(cid, over) }
  }

  /** Changes the pinset, then tells the tracker. */
  readonly change = async (...changes: PinsetOperation[]): Promise<void> => {
    this.context.pinset.apply(changes)
    await this.tracker.apply(changes, {})
    await settle()
  }

  readonly track = async (...cids: CID[]): Promise<void> => {
    for (const cid of cids) await this.change(this.pinned(cid))
  }

  readonly untrack = (cid: CID): Promise<void> => this.change({ type: 'unpin', cid })

  readonly statusOf = async (cid: CID): Promise<string> => {
    return trackerStatusToString((await this.tracker.status(cid, {})).status)
  }

  readonly all = (filter = 0): Promise<TrackedPin[]> => Array.fromAsync(itemsOf(this.tracker.statusAll(filter, {})))

  /** What is listed, by the names of the CIDs. */
  readonly statuses = async (filter = 0): Promise<Record<string, string>> => {
    const infos = await this.all(filter)
    return Object.fromEntries(infos.map(({ cid, status }) => [this.nameOf(cid), trackerStatusToString(status)]))
  }

  readonly nameOf = (cid: CID): string => NAMES[CIDS.findIndex((each) => each.equals(cid))] ?? cid.toString()

  /** Makes all requests for these CIDs fail, and for no others. */
  readonly failWith = (text: string, ...cids: CID[]): void => {
    this.context.ipfs.onCall = ({ cid }) => {
      if (cids.some((each) => each.equals(cid))) throw new Error(text)
    }
  }
}

function freshContext(): PinTrackerTestContext {
  const ipfs = new SteeredIpfs(testPeerId(9))
  return { ...testContext(), datastore: new MemoryDatastore(), pinset: new MemoryPinset(), ipfs }
}

/** What was said of a CID, if anything. */
export function byCid(infos: readonly TrackedPin[], cid: CID): TrackedPin | undefined {
  return infos.find((info) => info.cid.equals(cid))
}
