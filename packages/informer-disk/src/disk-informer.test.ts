import { timestampFromMs, type IPFSRepoStat } from '@cluster/api'
import { informerConformance, memoryCounters, testContext } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { DiskInformer } from './disk-informer.ts'
import type { DiskMetricType } from './config.ts'

const mock: IPFSRepoStat = { storageMax: 100_000n, repoSize: 2000n }

function setUp(metricType: DiskMetricType = 'freespace', answer: IPFSRepoStat | Error = mock) {
  const repoStat = () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer))
  const context = { ...testContext(), ipfs: { repoStat } }
  return { informer: new DiskInformer(context, { metricTtlMs: 30_000, metricType }), clock: context.clock, context }
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
    const { informer } = setUp('reposize')
    expect((await informer.getMetrics({}))[0]).toMatchObject({ name: 'reposize', value: '2000', weight: -2000n })
  })

  it('IN-2: is invalid, and says why, when IPFS does not answer', async () => {
    const { informer, context } = setUp('freespace', new Error('connection refused'))
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '', weight: 0n, valid: false })
    expect(context.lines.map(({ level }) => level)).toEqual(['error'])
  })

  it.each([100_000n, 100_001n])('is invalid when %d of 100000 bytes are used', async (repoSize) => {
    const { informer, context } = setUp('freespace', { storageMax: 100_000n, repoSize })
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '0', weight: 0n, valid: false })
    expect(context.lines.map(({ text }) => text)).toEqual(['reported freespace is 0'])
    const size = setUp('reposize', { storageMax: 100_000n, repoSize })
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
    const asked = new DiskInformer(context, { metricTtlMs: 1, metricType: 'freespace' }).getMetrics(abort)
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })

  it('shows its weight to operators once it has one', async () => {
    const metrics = memoryCounters()
    const informer = new DiskInformer({ ...setUp().context, metrics }, { metricTtlMs: 1, metricType: 'freespace' })
    expect(await metrics.read()).toEqual({})
    await informer.getMetrics({})
    expect(await metrics.read()).toEqual({ ipfscluster_informer_disk: 98_000 })
  })
})
