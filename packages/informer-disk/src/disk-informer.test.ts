import { timestampFromMs, TrackerStatus, type IPFSRepoStat } from '@cluster/api'
import {
  informerConformance,
  memoryCounters,
  MemoryIpfs,
  MemoryPinset,
  MemoryTracker,
  testCid,
  testContext
} from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { diskConfig, type DiskConfig } from './config.ts'
import { DiskInformer } from './disk-informer.ts'

const mock: IPFSRepoStat = { storageMax: 100_000n, repoSize: 2000n }

function setUp(config: Partial<DiskConfig> = {}, answer: IPFSRepoStat | Error = mock) {
  const repoStat = () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer))
  const context = { ...testContext(), ipfs: { repoStat } }
  return { informer: new DiskInformer(context, { ...diskConfig.defaults, ...config }), clock: context.clock, context }
}

informerConformance('disk', () => setUp())

describe('DiskInformer', () => {
  it('IN-1: is invalid without a client, valid with one', async () => {
    const { informer } = setUp()
    expect((await informer.getMetrics({}))[0].valid).toBe(true)
    informer.stop()
    expect((await informer.getMetrics({}))[0]).toMatchObject({ name: 'freespace', value: '', weight: 0n, valid: false })
  })

  it('IN-2: freespace is what is left below the limit', async () => {
    const { informer, context } = setUp()
    const expire = timestampFromMs(context.clock.nowMs() + 30_000)
    const metric = { name: 'freespace', peer: context.self, value: '98000', weight: 98_000n, valid: true, expire }
    expect(await informer.getMetrics({})).toEqual([{ ...metric, partitionable: false, receivedAt: 0n }])
  })

  it('IN-2: reposize is what is used, less being better', async () => {
    const { informer } = setUp({ metricType: 'reposize' })
    expect((await informer.getMetrics({}))[0]).toMatchObject({ name: 'reposize', value: '2000', weight: -2000n })
  })

  it('IN-2: is invalid, and says why, when IPFS does not answer', async () => {
    const { informer, context } = setUp({}, new Error('connection refused'))
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '', weight: 0n, valid: false })
    expect(context.lines.map(({ level }) => level)).toEqual(['error'])
  })

  it.each([100_000n, 100_001n])('is invalid when %d of 100000 bytes are used', async (repoSize) => {
    const { informer, context } = setUp({}, { storageMax: 100_000n, repoSize })
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '0', weight: 0n, valid: false })
    expect(context.lines.map(({ text }) => text)).toEqual(['reported freespace is 0'])
    const size = setUp({ metricType: 'reposize' }, { storageMax: 100_000n, repoSize })
    expect((await size.informer.getMetrics({}))[0]).toMatchObject({ valid: true })
  })

  it('passes an abort on, and no other failure', async () => {
    const abort = new AbortController()
    const repoStat = ({ signal }: { signal?: AbortSignal }) =>
      new Promise<IPFSRepoStat>((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(new Error('broken off'))
        })
      })
    const context = { ...testContext(), ipfs: { repoStat } }
    const asked = new DiskInformer(context, diskConfig.defaults).getMetrics(abort)
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })

  it('shows its weight to operators once it has one', async () => {
    const metrics = memoryCounters()
    const informer = new DiskInformer({ ...setUp().context, metrics }, diskConfig.defaults)
    expect(await metrics.read()).toEqual({})
    await informer.getMetrics({})
    expect(await metrics.read()).toEqual({ ipfscluster_informer_disk: 98_000 })
  })
})

/** A tracker whose queue is as long as the test says. */
class QueueOfAnyLength extends MemoryTracker {
  queued = 0

  override pinQueueSize(): number {
    return this.queued
  }
}

const nothing = {
  allocations: undefined,
  origins: undefined,
  metadata: undefined,
  timestamp: undefined,
  created: undefined
}

describe('what is queued', () => {
  /** A tracker whose queue and events the test makes, and a repository whose size it sets. */
  function withQueue(config: Partial<DiskConfig>) {
    const base = testContext()
    const tracker = new QueueOfAnyLength({ ...base, pinset: new MemoryPinset(), ipfs: new MemoryIpfs(base.self) })
    const repo = { ...mock }
    const context = { ...base, tracker, ipfs: { repoStat: () => Promise.resolve({ ...repo }) } }
    const informer = new DiskInformer(context, { ...diskConfig.defaults, ...config })
    informer.start()
    const report = (status: TrackerStatus): void => {
      const detail = { cid: testCid(1), name: '', status, error: '', attemptCount: 0, priorityPin: false, ...nothing }
      tracker.safeDispatchEvent('status', { detail })
    }
    const value = async (): Promise<string> => (await informer.getMetrics({}))[0].value
    return { informer, context, tracker, repo, report, value }
  }

  it('does not count unless told to, as in Go', async () => {
    const { tracker, value } = withQueue({})
    tracker.queued = 1000
    expect(await value()).toBe('98000')
  })

  it('counts as much for each queued pin as told, and takes the peer out when that is too much', async () => {
    const { informer, context, tracker, value } = withQueue({ queuedPinSize: '1K', minFree: '10KB' })
    expect(await value()).toBe('88000')
    tracker.queued = 87
    expect(await value()).toBe('1000')
    tracker.queued = 88
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '0', weight: 0n, valid: false })
    expect(context.lines.at(-1)?.fields).toEqual({ ...mock, queued: 88_000n })
    const size = withQueue({ metricType: 'reposize', queuedPinSize: '1K', minFree: '10KB' })
    size.tracker.queued = 5
    expect((await size.informer.getMetrics({}))[0]).toMatchObject({ value: '7000', weight: -7000n, valid: true })
  })

  it('learns what a pin takes from those that are done', async () => {
    const { informer, tracker, repo, report, value } = withQueue({ queuedPinSize: 'auto' })
    tracker.queued = 10
    expect(await value()).toBe('98000')
    for (let n = 0; n < 4; n++) report(TrackerStatus.pinning)
    for (let n = 0; n < 4; n++) report(TrackerStatus.pinned)
    repo.repoSize += 2000n
    expect(await value()).toBe('91000') // 96000 are left, and each of the ten queued takes 500
    informer.stop()
    for (let n = 0; n < 100; n++) report(TrackerStatus.pinned)
    expect((await informer.getMetrics({}))[0].valid).toBe(false)
  })

  it('counts nothing where there is no tracker', async () => {
    const { informer } = setUp({ queuedPinSize: '1GB' })
    expect((await informer.getMetrics({}))[0].value).toBe('98000')
  })
})
