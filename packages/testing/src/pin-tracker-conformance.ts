import { itemsOf, TrackerStatus, trackerStatusToString } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settle } from './manual-clock.ts'
import { pinTrackerOperationScenarios } from './pin-tracker-operation-scenarios.ts'
import { pinTrackerQueueScenarios } from './pin-tracker-queue-scenarios.ts'
import { byCid, TrackerScene, type CreateTracker } from './pin-tracker-scene.ts'

/**
 * What every `PinTracker` must do. Call it at the top of a test file. Scenarios TR-1 to TR-14 are those of
 * behaviours.md §7.6.
 *
 * @param create - gives a new tracker, not started, on each call
 */
export function pinTrackerConformance(name: string, create: CreateTracker): void {
  describe(`${name} as PinTracker`, () => {
    const scene = new TrackerScene(create)
    beforeEach(() => {
      scene.reset()
    })
    afterEach(() => scene.end())
    const [one, two, three, four, slow] = scene.cids
    const {
      startWith,
      everywhere,
      elsewhere,
      pinned,
      change,
      track,
      untrack,
      statusOf,
      all,
      statuses,
      nameOf,
      failWith
    } = scene

    it('TR-1: tracks and untracks', async () => {
      await startWith()
      await track(one)
      expect(await statusOf(one)).toBe('pinned')
      await untrack(one)
      expect(await statusOf(one)).toBe('unpinned')
      expect(await all()).toEqual([])
      await scene.tracker.apply([pinned(two), { type: 'unpin', cid: two }], {})
      await settle()
      expect(await statusOf(two)).toBe('unpinned')
    })

    /** Pinset: one (on IPFS), two (without allocations), three (elsewhere), four (not on IPFS). */
    async function mixedState(): Promise<void> {
      await scene.context.ipfs.pin(everywhere(one), {})
      const nowhere = { ...everywhere(two), replicationFactorMin: 0, replicationFactorMax: 0, allocations: [] }
      const pins = [everywhere(one), nowhere, elsewhere(three), everywhere(four)]
      scene.context.pinset.apply(pins.map((pin) => ({ type: 'pin', pin })))
      await startWith()
    }

    it('TR-2: lists pins that it was not told of as IPFS has them', async () => {
      await mixedState()
      const found = { one: 'pinned', two: 'remote', three: 'remote', four: 'unexpectedly_unpinned' }
      expect(await statuses()).toEqual(found)
      expect(byCid(await all(), four)?.error).toBe('the item should be pinned but it is not')
      expect(await statuses(TrackerStatus.pinned)).toEqual({ one: 'pinned' })
      expect(await statuses(TrackerStatus.remote | TrackerStatus.unexpectedlyUnpinned)).toEqual({
        two: 'remote',
        three: 'remote',
        four: 'unexpectedly_unpinned'
      })
      expect(await statuses(TrackerStatus.error | TrackerStatus.queued)).toEqual({})
    })

    it('TR-3: says what it knows of one CID', async () => {
      await mixedState()
      expect(await Promise.all([one, three, four, slow].map(statusOf))).toEqual([
        'pinned',
        'remote',
        'unexpectedly_unpinned',
        'unpinned'
      ])
      const info = await scene.tracker.status(four, {})
      const { timestamp } = everywhere(four)
      expect(info).toMatchObject({ timestamp, created: timestamp, error: 'the item should be pinned but it is not' })
      scene.context.ipfs.state = 'down'
      expect(await statusOf(one)).toBe('cluster_error')
      expect((await scene.tracker.status(one, {})).error).toContain('connection refused')
      expect(await statusOf(three)).toBe('remote')
    })

    it('TR-4: recovers what IPFS lacks, and only that', async () => {
      await mixedState()
      const recovered = await Array.fromAsync(itemsOf(scene.tracker.recoverAll({})))
      expect(recovered.map(({ cid }) => nameOf(cid))).toEqual(['four'])
      await settle()
      expect(await statusOf(four)).toBe('pinned')
      expect(await Array.fromAsync(itemsOf(scene.tracker.recoverAll({})))).toEqual([])
    })

    it('TR-4: finds what IPFS lost meanwhile, and what was pinned to another depth', async () => {
      await startWith()
      await track(one, two, four)
      await scene.context.ipfs.unpin(one, {})
      await scene.context.ipfs.pin({ ...everywhere(two), maxDepth: 0 }, {})
      const recovered = await Array.fromAsync(itemsOf(scene.tracker.recoverAll({})))
      expect(recovered.map(({ cid }) => nameOf(cid)).sort()).toEqual(['one', 'two'])
      await settle()
      expect(await statuses()).toEqual({ one: 'pinned', two: 'pinned', four: 'pinned' })
    })

    it('says so when everything cannot be recovered because IPFS does not answer', async () => {
      await mixedState()
      scene.context.ipfs.state = 'down'
      await expect(Array.fromAsync(scene.tracker.recoverAll({}))).rejects.toThrow(/^could not get pinset from IPFS: /)
    })

    it('TR-5: recovers what needs no recovery, and what it does not know, without effect', async () => {
      await mixedState()
      const before = scene.context.ipfs.calls.length
      expect((await scene.tracker.recover(one, {})).status).toBe(TrackerStatus.pinned)
      expect((await scene.tracker.recover(slow, {})).status).toBe(TrackerStatus.unpinned)
      expect(scene.context.ipfs.calls.length).toBe(before)
    })

    it('TR-6: aborts a running pin when it is untracked', async () => {
      await startWith()
      scene.context.ipfs.hold(slow)
      await track(slow)
      expect(await statusOf(slow)).toBe('pinning')
      const [call] = scene.context.ipfs.calls
      await scene.tracker.apply([{ type: 'unpin', cid: slow }], {})
      expect(call?.signal?.aborted).toBe(true)
      await settle()
      expect(scene.context.ipfs.mostPerCid).toBe(1)
    })

    it('TR-7: unpins what others hold, and shows it as remote', async () => {
      await startWith()
      await track(three)
      const release = scene.context.ipfs.hold(three)
      await change({ type: 'pin', pin: elsewhere(three) })
      expect(await scene.tracker.status(three, {})).toMatchObject({ status: TrackerStatus.remote, error: '' })
      release()
      await settle()
      expect(await scene.tracker.status(three, {})).toMatchObject({ status: TrackerStatus.remote, error: '' })
      expect(scene.context.ipfs.calls.map(({ method }) => method)).toEqual(['pin', 'unpin'])
    })

    it('TR-8: stops twice, aborts what runs, and refuses more', async () => {
      await startWith()
      scene.context.ipfs.hold(slow)
      await track(slow)
      await scene.tracker.stop?.({})
      await scene.tracker.stop?.({})
      expect(scene.context.ipfs.running).toBe(0)
      expect(scene.context.ipfs.calls[0]?.signal?.aborted).toBe(true)
      await expect(scene.tracker.apply([pinned(one)], {})).rejects.toThrow(expect.objectContaining({ code: 'STOPPED' }))
    })

    it('TR-9: replaces a queued pin without disturbing the one that runs', async () => {
      await startWith({ concurrentPins: 1 })
      scene.context.ipfs.hold(slow)
      await track(slow, one)
      expect(await statuses()).toEqual({ slow: 'pinning', one: 'pin_queued' })
      expect(scene.tracker.pinQueueSize()).toBe(1)
      await untrack(one)
      expect(scene.tracker.pinQueueSize()).toBe(0)
      expect(scene.context.ipfs.calls[0]?.signal?.aborted).toBe(false)
      expect(await statusOf(one)).toBe('unpinned')
      expect(scene.context.ipfs.calls.map(({ method, cid }) => `${method} ${nameOf(cid)}`)).toEqual([
        'pin slow',
        'unpin one'
      ])
    })

    it('TR-10: aborts a running unpin when the CID is tracked again', async () => {
      await startWith()
      const release = scene.context.ipfs.hold(slow)
      await track(slow)
      await untrack(slow)
      expect(await statusOf(slow)).toBe('unpinning')
      await track(slow)
      expect(scene.context.ipfs.calls.map(({ signal }) => signal?.aborted)).toEqual([true, true, false])
      expect(await statusOf(slow)).toBe('pinning')
      release()
      await settle()
      expect(await statusOf(slow)).toBe('pinned')
      expect(scene.context.ipfs.mostPerCid).toBe(1)
    })

    it('TR-11: replaces a queued unpin by a pin', async () => {
      await startWith()
      await track(slow, one)
      const release = scene.context.ipfs.hold(slow)
      await untrack(slow)
      await untrack(one)
      expect(await statuses()).toEqual({ slow: 'unpinning', one: 'unpin_queued' })
      await track(one)
      release()
      await settle()
      expect(await statuses()).toEqual({ one: 'pinned' })
    })

    it('TR-12, TR-13: lists the pinset, and knows a CID under way that is not part of it', async () => {
      await scene.context.ipfs.pin(everywhere(one), {})
      await scene.context.ipfs.pin(everywhere(two), {})
      scene.context.ipfs.hold(slow)
      scene.context.pinset.apply([one, four].map((cid) => ({ type: 'pin', pin: everywhere(cid) })))
      await startWith()
      await track(slow)
      const found = { one: 'pinned', four: 'unexpectedly_unpinned', slow: 'pinning' }
      expect(await statuses()).toEqual(found)
      for (const [key, status] of Object.entries(found)) {
        expect(await statusOf({ one, four, slow }[key] ?? two)).toBe(status)
      }
      scene.context.ipfs.hold(three)
      await scene.tracker.apply([pinned(three)], {})
      expect(await statusOf(three)).toBe('pinning')
    })

    it('TR-14: counts attempts, and takes priority away after too many', async () => {
      await startWith({ priorityPinMaxAgeMs: 10_000, priorityPinMaxRetries: 1 })
      failWith('no', two)
      await track(one, two)
      const view = async (cid: CID): Promise<unknown[]> => {
        const { status, attemptCount, priorityPin, error } = await scene.tracker.status(cid, {})
        return [trackerStatusToString(status), attemptCount, priorityPin, error]
      }
      expect(await view(one)).toEqual(['pinned', 0, false, ''])
      expect(await view(two)).toEqual(['pin_error', 1, true, 'no'])
      await scene.tracker.recover(two, {})
      await settle()
      expect(await view(two)).toEqual(['pin_error', 2, true, 'no'])
      await scene.tracker.recover(two, {})
      await settle()
      expect(await view(two)).toEqual(['pin_error', 3, false, 'no'])
      await untrack(two)
      expect(await view(two)).toEqual(['unpin_error', 1, false, 'no'])
      await untrack(two)
      expect(await view(two)).toEqual(['unpin_error', 2, false, 'no'])
    })

    it('NX-5: shows failed unpins in the plain listing, and recovers them', async () => {
      await startWith()
      await track(one)
      failWith('no', one)
      await untrack(one)
      expect(await statuses()).toEqual({ one: 'unpin_error' })
      expect(await statuses(TrackerStatus.unpinError | TrackerStatus.pinned)).toEqual({ one: 'unpin_error' })
      expect(await statuses(TrackerStatus.unpinError)).toEqual({ one: 'unpin_error' })
      failWith('')
      const recovered = await Array.fromAsync(itemsOf(scene.tracker.recoverAll({})))
      expect(recovered.map(({ cid }) => nameOf(cid))).toEqual(['one'])
      await settle()
      expect(await statuses()).toEqual({})
      expect(await scene.context.ipfs.pinLsCid(everywhere(one), {})).toBe(5)
    })

    pinTrackerOperationScenarios(scene)
    pinTrackerQueueScenarios(scene)
  })
}
