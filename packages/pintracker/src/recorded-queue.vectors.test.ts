import { ClusterError, TrackerStatus, trackerStatusToString, type TrackedPin } from '@cluster/api'
import { testCid } from '@cluster/testing'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { trackersOfTest } from './trackers.fixture.ts'

type Shown = readonly [status: string, error: string, attempts: number, priority: boolean]
type Scenario = Readonly<Record<string, unknown>> & { readonly scenario: string; readonly description: string }

const file = new URL('../../testing/vectors/cli/status-scenarios.json', import.meta.url)
const { scenarios } = JSON.parse(readFileSync(file, 'utf8')) as { readonly scenarios: readonly Scenario[] }
const recorded = (name: string): Scenario =>
  scenarios.find(({ scenario }) => scenario === name) ?? expect.unreachable(`no scenario ${name}`)

/** Our texts of errors say more than those of the reference: only whether there is one is compared. */
const shown = ({ status, error, attemptCount, priorityPin }: TrackedPin): unknown[] => [
  trackerStatusToString(status),
  error !== '',
  attemptCount,
  priorityPin
]
const wanted = ([status, error, attempts, priority]: Shown): unknown[] => [status, error !== '', attempts, priority]

/** As it was recorded: one peer, whose limits the descriptions tell. */
const LIMITS = { concurrentPins: 1, maxPinQueueSize: 2, priorityPinMaxAgeMs: 12_000, priorityPinMaxRetries: 1 }
const DAY_MS = 86_400_000

describe('recorded scenarios of one tracker', () => {
  const trackers = trackersOfTest(LIMITS)
  const cids = Array.from({ length: 5 }, (_, index) => testCid(index))
  const first = testCid(0)
  let startMs = 0

  /** Content that nobody has: pins fail after a time without progress. */
  const beginAbsent = async (pinTimeoutMs: number, limits = LIMITS): Promise<void> => {
    await trackers.start({}, limits)
    const { clock, ipfs } = trackers.context
    startMs = clock.nowMs()
    ipfs.onCall = async ({ method, signal }) => {
      if (method !== 'pin') return
      const end = Promise.withResolvers<undefined>()
      const cancel = clock.setTimer(clock.nowMs() + pinTimeoutMs, () => {
        end.resolve(undefined)
      })
      signal?.addEventListener('abort', () => {
        end.reject(new Error('context canceled'))
      })
      await end.promise.finally(cancel)
      throw new ClusterError('TIMEOUT', `pin operation timed out: no progress for ${pinTimeoutMs}ms`)
    }
  }
  const all = async (): Promise<readonly TrackedPin[]> =>
    await Promise.all(cids.map((cid) => trackers.tracker.status(cid, {})))
  /** Goes on to a time that is given in seconds since the pin. */
  const at = async (seconds: number): Promise<void> => {
    const { clock } = trackers.context
    await clock.advance(startMs + seconds * 1000 - clock.nowMs())
  }
  const recover = async (): Promise<TrackedPin> => await trackers.tracker.recover(first, {})

  it('a full queue, which drains; recovering again and again', async () => {
    await beginAbsent(2_000)
    await trackers.pinAll(...cids)
    expect((await all()).map(shown)).toEqual((recorded('queue-full')['statuses'] as readonly Shown[]).map(wanted))
    expect((await all()).at(-1)).toMatchObject({
      error: (recorded('queue-full')['statuses'] as readonly Shown[]).at(-1)?.[1],
      reason: 'queue_full'
    })
    const drain = recorded('queue-drain')
    for (const [seconds, statuses] of drain['samples'] as readonly (readonly [number, readonly string[]])[]) {
      await at(seconds)
      expect([seconds, (await all()).map(({ status }) => trackerStatusToString(status))]).toEqual([seconds, statuses])
    }
    expect((await all()).map(shown)).toEqual((drain['final'] as readonly Shown[]).map(wanted))
    for (const name of ['retries-0', 'retries-1', 'retries-2', 'retries-3']) {
      const { description, answer, running, after } = recorded(name)
      const [, seconds = ''] = /([\d.]+) s after the pin/.exec(description) ?? []
      await at(Number(seconds))
      const [, attempts, priority] = answer as readonly [string, number, boolean]
      const { attemptCount, priorityPin } = await recover()
      // Where nothing else waits, ours begins at once.
      expect([attemptCount === attempts || attemptCount === attempts + 1, priorityPin]).toEqual([true, priority])
      await trackers.context.clock.advance(700)
      expect(shown(await trackers.tracker.status(first, {}))).toEqual(wanted(running as Shown))
      await trackers.context.clock.advance(1_300)
      expect(shown(await trackers.tracker.status(first, {}))).toEqual(wanted(after as Shown))
    }
  })

  it.each([
    ['priority-retries', { ...LIMITS, priorityPinMaxAgeMs: DAY_MS }],
    ['priority-age', { ...LIMITS, priorityPinMaxAgeMs: 3_000, priorityPinMaxRetries: 50 }]
  ])('%s: a pin that fails too often, or is too old, has no priority', async (name, limits) => {
    await beginAbsent(1_000, limits)
    await trackers.pinAll(first)
    for (const [seconds, ...sample] of recorded(name)['samples'] as readonly (readonly [number, ...unknown[]])[]) {
      await at(seconds)
      const { status, attemptCount, priorityPin } = await trackers.tracker.status(first, {})
      expect([seconds, trackerStatusToString(status), attemptCount, priorityPin]).toEqual([seconds, ...sample])
      await recover()
    }
  })

  it('a peer that may not unpin', async () => {
    await trackers.start()
    const { cid, after_rm_unpin_error: filtered } = recorded('unpin-disable')
    const [[, statuses]] = Object.entries(filtered as object) as [[string, { readonly peer0: Shown }]]
    trackers.context.ipfs.onCall = ({ method }) => {
      if (method === 'unpin') throw new ClusterError('NOT_SUPPORTED', statuses.peer0[1])
    }
    await trackers.pinAll(first)
    expect(shown(await trackers.tracker.status(first, {}))).toEqual(wanted((cid as { readonly peer0: Shown }).peer0))
    await trackers.change({ type: 'unpin', cid: first })
    const failed = await trackers.infos(TrackerStatus.unpinError)
    expect(failed.map(shown)).toEqual([wanted(statuses.peer0)])
    expect(failed).toMatchObject([{ error: statuses.peer0[1], reason: 'refused' }])
  })
})
