import { ClusterError, pinsetKey, TrackerStatus } from '@cluster/api'
import {
  memoryCounters,
  MemoryDatastore,
  pinTrackerConformance,
  settle,
  SteeredIpfs,
  testCid,
  testPeerId
} from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { IndexedTracker, type IndexedTrackerContext } from './indexed-tracker.ts'
import { trackersOfTest } from './trackers.fixture.ts'

pinTrackerConformance('pintracker', (context, limits) => new IndexedTracker(context, limits))

describe('IndexedTracker', () => {
  const LIMITS = { maxPinQueueSize: 2, concurrentPins: 1, priorityPinMaxAgeMs: 60_000, priorityPinMaxRetries: 5 }
  const cids = Array.from({ length: 8 }, (_, i) => testCid(i))
  const first = testCid(0)
  const trackers = trackersOfTest(LIMITS, { mayBeFatal: true })
  const { everywhere, start, statuses } = trackers

  it('reads what it knows of many changes at once, and takes several of one CID in their order', async () => {
    let reads = 0
    class Counting extends MemoryDatastore {
      override readMany(...args: Parameters<MemoryDatastore['readMany']>): ReturnType<MemoryDatastore['readMany']> {
        reads += 1
        return super.readMany(...args)
      }
    }
    const datastore = new Counting()
    datastore.namespace = () => datastore
    await start({ datastore })
    const pins = cids.slice(1, 3).map((cid) => ({ type: 'pin' as const, pin: everywhere(cid) }))
    const there = { type: 'pin' as const, pin: everywhere() }
    trackers.context.pinset.apply([...pins, there])
    reads = 0
    await trackers.tracker.apply(pins, {})
    // once for what is known, once by whoever writes
    expect(reads).toBeLessThanOrEqual(2)
    await settle()
    await trackers.tracker.apply([there, { type: 'unpin', cid: first }, there], {})
    await settle()
    expect(await statuses()).toEqual([TrackerStatus.pinned, TrackerStatus.pinned, TrackerStatus.pinned])
  })

  it('counts what waits, runs and failed, also after a restart', async () => {
    const metrics = memoryCounters()
    const counted = async (each = metrics) => {
      const all = await each.read()
      return ['pin_queued', 'pinning', 'pin_error'].map((name) => all[`ipfscluster_pins_${name}`])
    }
    await start({ metrics })
    expect(await counted()).toEqual([0, 0, 0])
    const [releaseFirst] = cids.slice(0, 3).map((cid) => trackers.context.ipfs.hold(cid))
    const pins = cids.slice(0, 4).map((cid) => ({ type: 'pin' as const, pin: everywhere(cid) }))
    trackers.context.pinset.apply(pins)
    await trackers.tracker.apply(pins, {})
    await settle()
    // one runs, two wait, the fourth found no room
    expect(await counted()).toEqual([2, 1, 1])
    expect((await metrics.read())['ipfscluster_limits_reached{tracker_queue}']).toBe(1)
    expect(
      trackers.context.lines.filter(({ text }) => text.startsWith('pin/unpin operation queue is full'))
    ).toHaveLength(1)
    releaseFirst?.()
    await settle()
    expect(await counted()).toEqual([1, 1, 1])
    await trackers.tracker.stop({})
    const again = memoryCounters()
    await start({ metrics: again })
    expect(await counted(again)).toEqual([1, 1, 1])
    await trackers.tracker.apply([{ type: 'unpin', cid: testCid(3) }], {})
    expect(await counted(again)).toEqual([1, 1, 0])
  })

  it('parks what finds no room at a comparison, as queued and without error, and takes it up when there is room', async () => {
    trackers.context.pinset.apply(cids.map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
    const release = cids.map((cid) => trackers.context.ipfs.hold(cid))
    await start()
    await trackers.tracker.apply([{ type: 'resync' }], {})
    await settle()
    const { pinning, pinQueued, pinned } = TrackerStatus
    expect((await statuses()).toSorted((a, b) => a - b)).toEqual([pinning, ...Array<number>(7).fill(pinQueued)])
    expect(trackers.tracker.pinQueueSize()).toBe(2)
    for (const each of release) each()
    await settle()
    expect(await statuses()).toEqual(Array<number>(8).fill(pinned))
  })

  it('keeps its entries below /ts/, and nothing of what is gone', async () => {
    const keys: string[] = []
    const datastore = new MemoryDatastore({
      onCommit: (operations) => {
        for (const each of operations) keys.push(('put' in each ? each.put.key : each.delete).toString())
      }
    })
    await start({ datastore })
    await trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})
    await settle()
    await trackers.tracker.apply([{ type: 'unpin', cid: first }], {})
    await settle()
    await trackers.tracker.stop({})
    expect(new Set(keys)).toEqual(new Set([`/ts/r/${pinsetKey(first)}`, `/ts/o/${pinsetKey(first)}`]))
    expect(datastore.size).toBe(0)
  })

  it('does not unpin what others hold where unpinning is switched off, and is content', async () => {
    trackers.context.ipfs.onCall = ({ method }) => {
      if (method === 'unpin')
        throw new ClusterError('NOT_SUPPORTED', 'ipfs unpinning is disallowed by configuration on this peer')
    }
    await start()
    const elsewhere = {
      ...everywhere(),
      replicationFactorMin: 1,
      replicationFactorMax: 1,
      allocations: [testPeerId(50)]
    }
    trackers.context.pinset.apply([{ type: 'pin', pin: elsewhere }])
    await trackers.tracker.apply([{ type: 'pin', pin: elsewhere }], {})
    await settle()
    expect(await trackers.tracker.status(first, {})).toMatchObject({ status: TrackerStatus.remote, error: '' })
    trackers.context.pinset.apply([{ type: 'unpin', cid: first }])
    await trackers.tracker.apply([{ type: 'unpin', cid: first }], {})
    await settle()
    expect(await trackers.tracker.status(first, {})).toMatchObject({ status: TrackerStatus.unpinError })
  })

  it('waits for a pinset that cannot be read yet, and tries again when it fails', async () => {
    await start()
    trackers.context.ipfs.hold(first)
    trackers.context.pinset.apply([{ type: 'pin', pin: everywhere() }])
    await trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})
    await trackers.tracker.stop({})
    const ipfs = new SteeredIpfs(testPeerId(9))
    let readable = false
    const pinset: IndexedTrackerContext['pinset'] = {
      get: (cid) => (readable ? trackers.context.pinset.get(cid) : Promise.reject(new Error('not yet'))),
      list: (options) => trackers.context.pinset.list(options)
    }
    await start({ ipfs, pinset })
    expect(await trackers.tracker.status(first, {})).toMatchObject({
      status: TrackerStatus.clusterError,
      error: 'not yet'
    })
    await trackers.context.clock.advance(59_999)
    expect(ipfs.calls).toEqual([])
    readable = true
    await trackers.context.clock.advance(1)
    expect(await trackers.tracker.status(first, {})).toMatchObject({ status: TrackerStatus.pinned })
    expect(trackers.context.fatals).toEqual([])
  })

  it('says that a full queue is the reason when nothing can be recovered', async () => {
    await start()
    for (const cid of cids.slice(1, 4)) trackers.context.ipfs.hold(cid)
    trackers.context.ipfs.onCall = ({ cid }) => {
      if (cid.equals(first)) throw new Error('no')
    }
    trackers.context.pinset.apply(cids.map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
    await trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})
    await settle()
    await trackers.tracker.apply(
      cids.slice(1, 4).map((cid) => ({ type: 'pin', pin: everywhere(cid) })),
      {}
    )
    await expect(trackers.tracker.recover(first, {})).rejects.toThrow(expect.objectContaining({ code: 'LIMIT' }))
  })

  it('asks for an orderly stop of the peer when the datastore cannot be written', async () => {
    const datastore = new MemoryDatastore({
      onCommit: () => {
        throw new Error('disk full')
      }
    })
    await start({ datastore })
    await expect(trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})).rejects.toThrow('disk full')
    await settle()
    expect(new Set(trackers.context.fatals.map(({ code }) => code))).toEqual(new Set(['STORAGE']))
  })

  it('stops in a hurry though IPFS does not let go', async () => {
    const stuck = Promise.withResolvers<undefined>()
    trackers.context.ipfs.pin = async () => {
      await stuck.promise
    }
    await start()
    await trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})
    const hurry = new AbortController()
    const stopped = trackers.tracker.stop({ signal: hurry.signal })
    hurry.abort()
    await stopped
    await expect(trackers.tracker.status(first, {})).rejects.toThrow(expect.objectContaining({ code: 'STOPPED' }))
    stuck.resolve(undefined)
  })
})
