import { ClusterError, IPFSPinStatus, itemsOf, TrackerStatus, trackerStatusToString } from '@cluster/api'
import { MemoryDatastore, settle, SteeredIpfs, testCid, testPeerId } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { trackersOfTest } from './trackers.fixture.ts'
import { FIRST_RETRY_MS } from './retry-schedule.ts'
import { SLOW_AFTER_MS } from './running.ts'
import { BUSY_INTERVAL_MS } from './work.ts'

describe('IndexedTracker, when the daemon or the content is not as it should be', () => {
  const LIMITS = { maxPinQueueSize: 100, concurrentPins: 1, priorityPinMaxAgeMs: 60_000, priorityPinMaxRetries: 5 }
  const cids = Array.from({ length: 8 }, (_, i) => testCid(i))
  const first = testCid(0)
  const trackers = trackersOfTest(LIMITS)
  const { everywhere, start, pinAll, statuses } = trackers

  describe('content that nobody has', () => {
    const wide = { ...LIMITS, maxPinQueueSize: 100, concurrentPins: 4 }
    const missing = Array.from({ length: 10 }, (_, i) => testCid(100 + i))
    const statusOf = async (cid = first): Promise<string> => {
      return trackerStatusToString((await trackers.tracker.status(cid, {})).status)
    }

    it('gives way to content that can be had, long before it is given up', async () => {
      await start({}, wide)
      const releases = missing.map((cid) => trackers.context.ipfs.hold(cid))
      await pinAll(...missing)
      await pinAll(first)
      expect(await statusOf()).toBe('pin_queued')
      // those that were tried wait behind those that were not
      await trackers.context.clock.advance(5 * SLOW_AFTER_MS)
      expect(await statusOf()).toBe('pinned')
      expect(trackers.context.ipfs.mostPins).toBe(4)
      // what comes now waits for nothing
      await pinAll(testCid(1))
      expect(await statusOf(testCid(1))).toBe('pinned')
      const set = (await Array.fromAsync(itemsOf(trackers.tracker.statusAll(TrackerStatus.pinQueued, {}))))[0]
      expect(set).toMatchObject({ attemptCount: 1, error: '' })
      for (const release of releases) release()
      await settle()
      expect(new Set(await statuses())).toEqual(new Set([TrackerStatus.pinned]))
    })

    it('waits behind other content after a restart as well', async () => {
      await start({}, wide)
      const hold = (ipfs: SteeredIpfs): unknown => missing.map((cid) => ipfs.hold(cid))
      hold(trackers.context.ipfs)
      await pinAll(...missing)
      await trackers.context.clock.advance(SLOW_AFTER_MS)
      await trackers.tracker.stop({})
      const ipfs = new SteeredIpfs(testPeerId(9))
      hold(ipfs)
      await start({ ipfs }, wide)
      const slow = trackers.context.ipfs.calls.slice(2, 4).map(({ cid }) => cid.toString())
      const again = ipfs.calls.map(({ cid }) => cid.toString())
      expect(again.map((cid) => slow.includes(cid))).toEqual([false, false, false, false])
    })

    it('says what was found of it, and when it is tried again', async () => {
      await start()
      const timedOut = new ClusterError('TIMEOUT', 'pin operation timed out: no progress for 2m0s')
      trackers.context.ipfs.onCall = ({ cid, progress }) => {
        if (!cid.equals(first)) progress(3)
        throw timedOut
      }
      await pinAll(first, testCid(1))
      const nothing = await trackers.tracker.status(first, {})
      expect(nothing).toMatchObject({ reason: 'no_providers', error: `${timedOut.message} (no providers found)` })
      const retryAt = Number((nothing.retryAt ?? 0n) / 1_000_000n)
      expect(retryAt).toBeGreaterThanOrEqual(trackers.context.clock.nowMs() + FIRST_RETRY_MS)
      const some = await trackers.tracker.status(testCid(1), {})
      expect(some).toMatchObject({ reason: 'no_progress', error: `${timedOut.message} (after 3 blocks)` })
      // IPFS had looked before it waited: the next time it need not
      await trackers.context.clock.advance(retryAt - trackers.context.clock.nowMs())
      const again = trackers.context.ipfs.calls.filter(({ cid }) => cid.equals(first))
      expect(again.map(({ isKnownAbsent }) => isKnownAbsent)).toEqual([false, true])
    })

    it('takes longer and longer to be tried again, at most an hour or so', async () => {
      await start()
      trackers.context.ipfs.onCall = () => {
        throw new Error('no')
      }
      await pinAll(first)
      const waits: number[] = []
      for (let tries = 1; tries <= 9; tries += 1) {
        const { retryAt = 0n, attemptCount } = await trackers.tracker.status(first, {})
        expect(attemptCount).toBe(tries)
        waits.push((Number(retryAt / 1_000_000n) - trackers.context.clock.nowMs()) / FIRST_RETRY_MS)
        await trackers.context.clock.advance(Number(retryAt / 1_000_000n) - trackers.context.clock.nowMs())
      }
      for (const [at, wait] of waits.entries()) {
        expect(wait).toBeGreaterThanOrEqual(Math.min(2 ** at, 60))
        expect(wait).toBeLessThanOrEqual(Math.min(2 ** at, 60) * 1.2)
      }
    })
  })

  describe('a daemon that comes back', () => {
    const restart = async (): Promise<void> => {
      trackers.context.ipfs.safeDispatchEvent('swarms:due')
      await settle()
      await trackers.context.clock.advance(0)
    }

    it('with an empty repository: all is pinned again, nothing is looked up first, and nothing is lost', async () => {
      await start()
      trackers.context.pinset.apply(cids.map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
      await trackers.tracker.apply([{ type: 'resync' }], {})
      await settle()
      for (const cid of cids) await trackers.context.ipfs.lose(cid)
      await trackers.context.ipfs.pin(everywhere(testCid(500)), {})
      const before = trackers.context.ipfs.calls.length
      await restart()
      const calls = trackers.context.ipfs.calls.slice(before)
      expect(calls.map(({ method, isKnownAbsent }) => [method, isKnownAbsent])).toEqual(cids.map(() => ['pin', true]))
      expect(new Set(await statuses())).toEqual(new Set([TrackerStatus.pinned]))
      // and what others have pinned there stays
      expect(await trackers.context.ipfs.pinLsCid(everywhere(testCid(500)), {})).toBe(IPFSPinStatus.recursive)
    })

    it('again and again: it is not asked for everything each time', async () => {
      await start()
      let listings = 0
      const list = trackers.context.ipfs.pinLs.bind(trackers.context.ipfs)
      trackers.context.ipfs.pinLs = (types, options) => {
        listings += 1
        return list(types, options)
      }
      for (let times = 0; times < 10; times += 1) await restart()
      expect(listings).toBe(2)
      await trackers.context.clock.advance(300_000)
      expect(listings).toBe(4)
      await trackers.context.clock.advance(3_600_000)
      expect(listings).toBe(4)
    })

    it('soon after the clock was set back by hours: it is compared within minutes', async () => {
      await start()
      await restart()
      await pinAll(first)
      await trackers.context.ipfs.lose(first)
      trackers.context.clock.set(-5 * 3_600_000)
      await restart()
      await trackers.context.clock.advance(300_000)
      expect(trackers.context.ipfs.calls).toHaveLength(2)
    })

    it('and answers half: nothing is taken for lost, and it is asked again later', async () => {
      await start()
      trackers.context.pinset.apply(cids.map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
      await trackers.tracker.apply([{ type: 'resync' }], {})
      await settle()
      const list = trackers.context.ipfs.pinLs.bind(trackers.context.ipfs)
      let isBroken = true
      trackers.context.ipfs.pinLs = async function* (types, options): ReturnType<typeof list> {
        for await (const page of list(types, options)) yield page.slice(0, 3)
        if (isBroken) throw new ClusterError('IPFS', 'IPFS broke off its answer (pin/ls)')
      }
      await restart()
      await expect(Array.fromAsync(trackers.tracker.recoverAll({}))).rejects.toThrow(
        'could not get pinset from IPFS: IPFS broke off its answer (pin/ls)'
      )
      expect(new Set(await statuses())).toEqual(new Set([TrackerStatus.pinned]))
      expect(trackers.context.ipfs.calls).toHaveLength(cids.length)
      isBroken = false
      trackers.context.ipfs.pinLs = list
      await trackers.context.ipfs.lose(first)
      await trackers.context.clock.advance(300_000)
      expect(trackers.context.ipfs.calls).toHaveLength(cids.length + 1)
    })

    it('and hangs: who waits may leave, and the tracker stops', async () => {
      await start()
      trackers.context.ipfs.state = 'hung'
      await trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})
      await restart()
      const caller = new AbortController()
      const recovered = Array.fromAsync(trackers.tracker.recoverAll({ signal: caller.signal }))
      caller.abort(new Error('enough'))
      await expect(recovered).rejects.toThrow('enough')
      expect(await statuses()).toEqual([TrackerStatus.pinning])
      await trackers.tracker.stop({})
      expect(trackers.context.ipfs.running).toBe(0)
    })
  })

  it('knows after a comparison what IPFS cannot have, so that nobody looks it up', async () => {
    await start()
    await trackers.context.ipfs.pin(everywhere(testCid(1)), {})
    trackers.context.ipfs.calls.length = 0
    await Array.fromAsync(trackers.tracker.recoverAll({}))
    const changes = [testCid(1), testCid(2)].map((cid) => ({ type: 'pin' as const, pin: everywhere(cid) }))
    trackers.context.pinset.apply(changes)
    await trackers.tracker.apply(changes, {})
    await settle()
    expect(trackers.context.ipfs.calls.map(({ isKnownAbsent }) => isKnownAbsent)).toEqual([false, true])
  })

  it('asks IPFS for nothing that is not on the disk', async () => {
    const held = Promise.withResolvers<undefined>()
    class SlowDisk extends MemoryDatastore {
      override async commit(...args: Parameters<MemoryDatastore['commit']>): Promise<void> {
        await held.promise
        await super.commit(...args)
      }
    }
    const datastore = new SlowDisk()
    datastore.namespace = () => datastore
    await start({ datastore })
    trackers.context.pinset.apply([{ type: 'pin', pin: everywhere() }])
    const applied = trackers.tracker.apply([{ type: 'pin', pin: everywhere() }], {})
    await settle()
    expect(trackers.context.ipfs.calls).toEqual([])
    held.resolve(undefined)
    await applied
    await settle()
    expect(trackers.context.ipfs.calls).toHaveLength(1)
  })

  it('begins no more pins in a second than it may', async () => {
    await start({}, { ...LIMITS, maxPinQueueSize: 100, concurrentPins: 9, pinsPerSecond: 2 })
    trackers.context.pinset.apply(cids.map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
    await trackers.tracker.apply([{ type: 'resync' }], {})
    await settle()
    const counts = [trackers.context.ipfs.calls.length]
    for (let second = 1; second <= 3; second += 1) {
      await trackers.context.clock.advance(1000)
      counts.push(trackers.context.ipfs.calls.length)
    }
    expect(counts).toEqual([2, 4, 6, 8])
  })

  it('begins with pauses while the process is busy, and goes on at once when it is not', async () => {
    let isBusy = true
    await start({ isBusy: () => isBusy }, { ...LIMITS, maxPinQueueSize: 100, concurrentPins: 100 })
    trackers.context.pinset.apply(cids.map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
    await trackers.tracker.apply([{ type: 'resync' }], {})
    await settle()
    const begun = trackers.context.ipfs.calls.length
    await trackers.context.clock.advance(3 * BUSY_INTERVAL_MS)
    expect(trackers.context.ipfs.calls).toHaveLength(begun + 3)
    isBusy = false
    await trackers.context.clock.advance(BUSY_INTERVAL_MS)
    expect(trackers.context.ipfs.calls).toHaveLength(cids.length)
  })

  it('lists errors without reading anything else, and more pins than are kept whole while they wait', async () => {
    const many = Array.from({ length: 1500 }, (_, i) => testCid(1000 + i))
    const scanned: string[] = []
    class Watched extends MemoryDatastore {
      override scan(...args: Parameters<MemoryDatastore['scan']>): ReturnType<MemoryDatastore['scan']> {
        scanned.push(args[0].gte.toString())
        return super.scan(...args)
      }
    }
    const datastore = new Watched()
    datastore.namespace = () => datastore
    await start({ datastore }, { ...LIMITS, maxPinQueueSize: 10_000 })
    const release = trackers.context.ipfs.hold(many[0] ?? first)
    trackers.context.ipfs.onCall = ({ cid }) => {
      if (cid.equals(many[1400] ?? first)) throw new Error('no space left on device')
    }
    const changes = many.map((cid) => ({ type: 'pin' as const, pin: { ...everywhere(cid), name: 'one of many' } }))
    trackers.context.pinset.apply(changes)
    await trackers.tracker.apply(changes, {})
    await settle()
    const queued = await Array.fromAsync(itemsOf(trackers.tracker.statusAll(TrackerStatus.pinQueued, {})))
    expect([queued.length, new Set(queued.map(({ name }) => name))]).toEqual([1499, new Set(['one of many'])])
    expect((await trackers.tracker.status(many[1499] ?? first, {})).name).toBe('one of many')
    release()
    await settle()
    scanned.length = 0
    const errors = await Array.fromAsync(itemsOf(trackers.tracker.statusAll(TrackerStatus.error, {})))
    expect(errors).toMatchObject([{ error: 'no space left on device', reason: 'disk_full' }])
    expect(scanned).toEqual(['/e/'])
    expect((await statuses()).filter((status) => status === TrackerStatus.pinned)).toHaveLength(1499)
  })
})
