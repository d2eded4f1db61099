import { itemsOf, TrackerStatus } from '@cluster/api'
import { expect, it } from 'vitest'
import { settle } from './manual-clock.ts'
import type { TrackerScene } from './pin-tracker-scene.ts'

/** Scenarios of what a tracker says of its operations, for `pinTrackerConformance`. */
export function pinTrackerOperationScenarios(scene: TrackerScene): void {
  const [one, two, three, four, slow] = scene.cids
  const { startWith, everywhere, elsewhere, change, track, untrack, statusOf, all, statuses, nameOf, failWith } = scene

  it('OP-3: shows what others hold as remote, also while it is unpinned here and when that fails', async () => {
    await startWith()
    await track(one)
    const release = scene.context.ipfs.hold(one)
    failWith('no', one)
    await change({ type: 'pin', pin: elsewhere(one) })
    expect(await statusOf(one)).toBe('remote')
    release()
    await settle()
    expect(await statusOf(one)).toBe('remote')
    expect(await statuses(TrackerStatus.remote)).toEqual({ one: 'remote' })
  })

  it('OP-4: a failure shows with its text, and goes when it is tried again', async () => {
    await startWith()
    failWith('no', one)
    await track(one)
    expect(await scene.tracker.status(one, {})).toMatchObject({ status: TrackerStatus.pinError, error: 'no' })
    const release = scene.context.ipfs.hold(one)
    failWith('')
    await scene.tracker.recover(one, {})
    await settle()
    expect(await scene.tracker.status(one, {})).toMatchObject({ status: TrackerStatus.pinning, error: '' })
    release()
  })

  it('OP-5: says of an operation all that its pin says, and of what it does not know that it is unpinned', async () => {
    await startWith()
    const release = scene.context.ipfs.hold(one)
    const pin = everywhere(one, { name: 'named', metadata: new Map([['a', 'b']]) })
    await change({ type: 'pin', pin })
    const { cid, name, metadata, timestamp: created } = pin
    const status = TrackerStatus.pinning
    expect(await scene.tracker.status(one, {})).toMatchObject({ cid, name, metadata, created, status })
    const unknown = await scene.tracker.status(two, {})
    expect(unknown).toMatchObject({ cid: two, status: TrackerStatus.unpinned, name: '', error: '' })
    release()
  })

  it('OP-6, OP-7: lists operations by what they do, by where they stand, and by both', async () => {
    await startWith({ concurrentPins: 1 })
    await track(three, four)
    const releases = [one, three].map((cid) => scene.context.ipfs.hold(cid))
    failWith('no', slow)
    await track(slow)
    await track(one, two)
    await untrack(three)
    await untrack(four)
    const { pinning, pinQueued, pinError, unpinning, unpinQueued, queued, error } = TrackerStatus
    const found = {
      one: 'pinning',
      two: 'pin_queued',
      slow: 'pin_error',
      three: 'unpinning',
      four: 'unpin_queued'
    } as const
    const only = (...names: (keyof typeof found)[]) => Object.fromEntries(names.map((name) => [name, found[name]]))
    expect(await statuses()).toEqual(found)
    expect(await statuses(pinning | pinQueued | pinError)).toEqual(only('one', 'two', 'slow'))
    expect(await statuses(unpinning | unpinQueued)).toEqual(only('three', 'four'))
    expect(await statuses(queued)).toEqual(only('two', 'four'))
    expect(await statuses(error)).toEqual(only('slow'))
    expect(await statuses(pinning | unpinning)).toEqual(only('one', 'three'))
    expect(await statuses(unpinning)).toEqual(only('three'))
    for (const release of releases) release()
  })

  it('CL-18: recovers a CID that IPFS refuses: one item, however often it fails', async () => {
    await startWith()
    failWith('refused', two)
    await track(one, two)
    for (let attempts = 2; attempts < 4; attempts += 1) {
      const recovered = await Array.fromAsync(itemsOf(scene.tracker.recoverAll({})))
      expect(recovered.map(({ cid }) => nameOf(cid))).toEqual(['two'])
      await settle()
      const { status, attemptCount } = await scene.tracker.status(two, {})
      expect([status, attemptCount]).toEqual([TrackerStatus.pinError, attempts])
    }
  })

  it('tells of a failure why, for programs, and when it is tried again', async () => {
    await startWith()
    failWith('no', one)
    await track(one, two)
    const { reason, retryAt = 0n } = await scene.tracker.status(one, {})
    expect(reason).toBe('failed')
    const [listed] = await all(TrackerStatus.error)
    expect(listed).toMatchObject({ reason, retryAt })
    const waitMs = Number(retryAt / 1_000_000n) - scene.context.clock.nowMs()
    expect(waitMs).toBeGreaterThan(0)
    failWith('')
    await scene.context.clock.advance(waitMs)
    expect(await statusOf(one)).toBe('pinned')
    const done = await scene.tracker.status(one, {})
    expect([done.reason, done.retryAt]).toEqual([undefined, undefined])
  })
}
