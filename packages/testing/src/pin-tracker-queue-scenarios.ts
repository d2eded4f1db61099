import { comparePinsetOrder, itemsOf, TrackerStatus, trackerStatusToString } from '@cluster/api'
import { expect, it } from 'vitest'
import { settle } from './manual-clock.ts'
import { byCid, type TrackerScene } from './pin-tracker-scene.ts'
import { SteeredIpfs } from './steered-ipfs.ts'
import { testCid } from './test-cid.ts'
import { testPeerId } from './test-peer-id.ts'

/** Scenarios of a tracker's queue, its restarts and its listings, for `pinTrackerConformance`. */
export function pinTrackerQueueScenarios(scene: TrackerScene): void {
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

  it('never lists a CID under way with another status than that of its operation', async () => {
    await startWith()
    scene.context.ipfs.hold(slow)
    await track(slow)
    expect(await statuses(TrackerStatus.unexpectedlyUnpinned)).toEqual({})
    expect(await statuses(TrackerStatus.pinning)).toEqual({ slow: 'pinning' })
  })

  it('runs no more pins at once than it may, and one unpin', async () => {
    await startWith({ concurrentPins: 3 })
    const cids = Array.from({ length: 10 }, (_, i) => testCid(100 + i))
    const releases = cids.map((cid) => scene.context.ipfs.hold(cid))
    await track(...cids)
    expect([scene.context.ipfs.running, scene.tracker.pinQueueSize()]).toEqual([3, 7])
    for (const release of releases) release()
    await settle()
    expect([scene.context.ipfs.mostPins, scene.tracker.pinQueueSize()]).toEqual([3, 0])
    const again = cids.map((cid) => scene.context.ipfs.hold(cid))
    for (const cid of cids) await untrack(cid)
    expect(scene.context.ipfs.running).toBe(1)
    for (const release of again) release()
    await settle()
    expect(await all()).toEqual([])
  })

  it('fails what finds no room in the queue, says so, and pins it later', async () => {
    await startWith({ concurrentPins: 1, maxPinQueueSize: 2 })
    const cids = Array.from({ length: 5 }, (_, i) => testCid(100 + i))
    const releases = cids.map((cid) => scene.context.ipfs.hold(cid))
    await track(...cids)
    const text = 'pin/unpin operation queue is full. Try increasing max_pin_queue_size'
    const infos = await Promise.all(cids.map((cid) => scene.tracker.status(cid, {})))
    expect(
      infos.map(({ status, error, attemptCount, priorityPin }) => [
        trackerStatusToString(status),
        error,
        attemptCount,
        priorityPin
      ])
    ).toEqual([
      ['pinning', '', 1, true],
      ['pin_queued', '', 0, true],
      ['pin_queued', '', 0, true],
      ['pin_error', text, 0, true],
      ['pin_error', text, 0, true]
    ])
    for (const release of releases) release()
    await scene.context.clock.advance(3_600_000)
    for (const cid of cids) expect(await statusOf(cid)).toBe('pinned')
  })

  it('takes young pins before old ones', async () => {
    await startWith({ concurrentPins: 1, priorityPinMaxAgeMs: 1000 })
    const release = scene.context.ipfs.hold(slow)
    await track(slow)
    const old = everywhere(one)
    await scene.context.clock.advance(1001)
    await change({ type: 'pin', pin: old })
    await track(two)
    expect((await scene.tracker.status(one, {})).priorityPin).toBe(false)
    expect((await scene.tracker.status(two, {})).priorityPin).toBe(true)
    release()
    await settle()
    expect(scene.context.ipfs.calls.map(({ cid }) => nameOf(cid))).toEqual(['slow', 'two', 'one'])
  })

  it('tries again by itself what failed, and keeps the reason until then', async () => {
    await startWith()
    failWith('disk full', one)
    await track(one)
    expect(await scene.tracker.status(one, {})).toMatchObject({ status: TrackerStatus.pinError, error: 'disk full' })
    failWith('')
    expect(await statusOf(one)).toBe('pin_error')
    await scene.context.clock.advance(3_600_000)
    expect(await scene.tracker.status(one, {})).toMatchObject({ status: TrackerStatus.pinned, error: '' })
  })

  it('goes on after a restart: what was queued, what failed and why, what is pinned', async () => {
    await startWith({ concurrentPins: 1 })
    await track(one)
    failWith('no', two)
    await track(two)
    await scene.context.clock.advance(200_000)
    const failed = await scene.tracker.status(two, {})
    expect(failed.attemptCount).toBeGreaterThan(1)
    scene.context.ipfs.hold(slow)
    await track(slow, four)
    await untrack(one)
    scene.context.ipfs.hold(three)
    await scene.tracker.stop?.({})

    const ipfs = new SteeredIpfs(testPeerId(9))
    scene.context = { ...scene.context, ipfs }
    const calls = (): string[] => ipfs.calls.map(({ method, cid }) => `${method} ${nameOf(cid)}`).sort()
    await startWith({ concurrentPins: 1 })
    expect(await scene.tracker.status(two, {})).toEqual(failed)
    expect(calls()).toEqual(['pin four', 'pin slow'])
    await scene.tracker.apply([{ type: 'resync' }], {})
    await settle()
    expect(await statuses()).toEqual({ two: 'pin_error', slow: 'pinned', four: 'pinned' })
  })

  it('compares with the pinset on resync: pins what is missing, unpins what is not wanted', async () => {
    await startWith()
    await track(one, two, three)
    scene.context.pinset.apply([
      { type: 'unpin', cid: one },
      { type: 'pin', pin: elsewhere(two) },
      { type: 'pin', pin: everywhere(four) },
      { type: 'pin', pin: everywhere(three, { name: 'renamed' }) }
    ])
    const before = scene.context.ipfs.calls.length
    await scene.tracker.apply([{ type: 'resync' }], {})
    await settle()
    const calls = scene.context.ipfs.calls.slice(before).map(({ method, cid }) => `${method} ${nameOf(cid)}`)
    expect(calls.sort()).toEqual(['pin four', 'unpin one', 'unpin two'])
    expect(await statuses()).toEqual({ two: 'remote', three: 'pinned', four: 'pinned' })
    expect(byCid(await all(), three)?.name).toBe('renamed')
    await scene.tracker.apply([{ type: 'resync' }], {})
    await settle()
    expect(scene.context.ipfs.calls.length).toBe(before + 3)
  })

  it('lists in pinset order, from a place on, as many as asked for, in pages of at most 1024', async () => {
    await startWith({ concurrentPins: 100, maxPinQueueSize: 5000 })
    const cids = Array.from({ length: 2100 }, (_, i) => testCid(1000 + i))
    const pins = cids.map((cid) => pinned(cid))
    scene.context.pinset.apply(pins)
    await scene.tracker.apply(pins, {})
    await settle()
    const sorted = cids.toSorted(comparePinsetOrder).map(String)
    const pages = await Array.fromAsync(scene.tracker.statusAll(0, {}))
    expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(1024)
    expect(pages.flat().map(({ cid }) => cid.toString())).toEqual(sorted)
    const after = cids.toSorted(comparePinsetOrder)[1999]
    if (after === undefined) throw new Error('no such CID')
    const part = await Array.fromAsync(itemsOf(scene.tracker.statusAll(TrackerStatus.pinned, { after, limit: 50 })))
    expect(part.map(({ cid }) => cid.toString())).toEqual(sorted.slice(2000, 2050))
    expect(await Array.fromAsync(scene.tracker.statusAll(0, { limit: 0 }))).toEqual([])
  })

  it('tells of each change of status', async () => {
    await startWith()
    const seen: string[] = []
    scene.tracker.addEventListener('status', ({ detail }) => {
      seen.push(`${nameOf(detail.cid)} ${trackerStatusToString(detail.status)} ${detail.attemptCount}`)
    })
    failWith('no', two)
    await track(one, two)
    await untrack(one)
    expect(seen).toEqual([
      'one pin_queued 0',
      'one pinning 1',
      'one pinned 0',
      'two pin_queued 0',
      'two pinning 1',
      'two pin_error 1',
      'one unpin_queued 0',
      'one unpinning 1',
      'one unpinned 0'
    ])
  })

  it('does nothing for meta pins, which show as sharded', async () => {
    await startWith()
    await change({ type: 'pin', pin: everywhere(one, { type: 4, maxDepth: 0, reference: two }) })
    expect(scene.context.ipfs.calls).toEqual([])
    expect(await statusOf(one)).toBe('sharded')
    expect(await statuses(TrackerStatus.sharded)).toEqual({ one: 'sharded' })
  })

  it('NX-4: knows direct pins as pinned, and pins them anew when they become recursive', async () => {
    await startWith()
    await change(pinned(one, { mode: 1, maxDepth: 0 }))
    expect(await statuses()).toEqual({ one: 'pinned' })
    expect(await Array.fromAsync(scene.tracker.recoverAll({}))).toEqual([])
    scene.context.pinset.apply([{ type: 'pin', pin: everywhere(one) }])
    expect(await statuses()).toEqual({ one: 'unexpectedly_unpinned' })
    await scene.tracker.apply([{ type: 'resync' }], {})
    await settle()
    expect(await statuses()).toEqual({ one: 'pinned' })
  })

  it('breaks off on an aborted signal', async () => {
    await startWith()
    await track(one)
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(scene.tracker.apply([{ type: 'resync' }], { signal })).rejects.toThrow('enough')
    await expect(scene.tracker.status(one, { signal })).rejects.toThrow('enough')
    await expect(scene.tracker.recover(one, { signal })).rejects.toThrow('enough')
    await expect(Array.fromAsync(scene.tracker.statusAll(0, { signal }))).rejects.toThrow('enough')
    await expect(Array.fromAsync(scene.tracker.recoverAll({ signal }))).rejects.toThrow('enough')
  })
}
