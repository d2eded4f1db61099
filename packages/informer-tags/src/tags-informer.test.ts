import { timestampFromMs } from '@cluster/api'
import { informerConformance, testContext } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { tagsConfig, type TagsConfig } from './config.ts'
import { TagsInformer } from './tags-informer.ts'

function setUp(tags: TagsConfig['tags'] = { group: 'default' }) {
  const context = testContext()
  return { informer: new TagsInformer(context, { metricTtlMs: 30_000, tags }), clock: context.clock, context }
}

informerConformance('tags', () => setUp())

describe('TagsInformer', () => {
  it('IN-6: tells the default group', async () => {
    const { context } = setUp()
    const informer = new TagsInformer(context, tagsConfig.defaults)
    const expire = timestampFromMs(context.clock.nowMs() + 30_000)
    const metric = { name: 'tag:group', peer: context.self, value: 'default', weight: 0n, valid: true, expire }
    expect(await informer.getMetrics({})).toEqual([{ ...metric, partitionable: true, receivedAt: 0n }])
  })

  it('IN-6: tells each tag as a metric of its own', async () => {
    const metrics = await setUp({ a: 'b', c: 'd' }).informer.getMetrics({})
    expect(metrics.map(({ name, value }) => `${name}=${value}`)).toEqual(['tag:a=b', 'tag:c=d'])
  })

  it.each([{}, null])('has one invalid metric without tags: %j', async (tags) => {
    const metrics = await setUp(tags).informer.getMetrics({})
    expect(metrics).toMatchObject([{ name: 'tag:none', value: '', valid: false, partitionable: true }])
  })
})
