import { timestampFromMs } from '@cluster/api'
import { informerConformance, testContext } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { PinqueueInformer } from './pinqueue-informer.ts'

function setUp(weightBucketSize = 0, queued = 42) {
  const context = { ...testContext(), tracker: { pinQueueSize: () => queued } }
  const informer = new PinqueueInformer(context, { metricTtlMs: 30_000, weightBucketSize })
  return { informer, clock: context.clock, context }
}

informerConformance('pinqueue', () => setUp())

describe('PinqueueInformer', () => {
  it('IN-4: tells how many pins are queued; fewer are better', async () => {
    const { informer, context } = setUp()
    const expire = timestampFromMs(context.clock.nowMs() + 30_000)
    const metric = { name: 'pinqueue', peer: context.self, value: '42', weight: -42n, valid: true, expire }
    expect(await informer.getMetrics({})).toEqual([{ ...metric, partitionable: false, receivedAt: 0n }])
  })

  it.each([
    [5, 42, -8n],
    [100_000, 42, 0n],
    [100_000, 250_000, -2n],
    [0, 0, 0n]
  ])('IN-4: weighs buckets of %i: %i queued', async (bucket, queued, weight) => {
    const [metric] = await setUp(bucket, queued).informer.getMetrics({})
    expect(metric).toMatchObject({ value: queued.toString(), weight, valid: true })
  })

  it('IN-4: is invalid once it is stopped', async () => {
    const { informer } = setUp()
    informer.stop()
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '', weight: 0n, valid: false })
  })
})
