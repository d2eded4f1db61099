import { describe, expect, it } from 'vitest'
import { pinqueueConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => pinqueueConfig.load(json, env, '.')
const good = { metric_ttl: '30s', weight_bucket_size: 100_000 }

describe('IN-5: informer.pinqueue', () => {
  it('has defaults, and survives a round trip', () => {
    expect(pinqueueConfig.save(pinqueueConfig.defaults, 'file')).toEqual(good)
    expect(load(undefined)).toEqual(pinqueueConfig.defaults)
    const json = { metric_ttl: '1m0s', weight_bucket_size: 5 }
    expect(load(json)).toEqual({ metricTtlMs: 60_000, weightBucketSize: 5 })
    expect(pinqueueConfig.save(load(json), 'file')).toEqual(json)
  })

  it('counts every pin when no bucket is given', () => {
    expect(load({ metric_ttl: '30s' }).weightBucketSize).toBe(0)
  })

  it.each(['-1s', '0s', '', 'x', undefined])('refuses the lifetime %j', (metric_ttl) => {
    expect(() => load({ ...good, metric_ttl })).toThrow(/^pinqueue\.metric_ttl is invalid/)
  })

  it('refuses a negative bucket', () => {
    expect(() => load({ ...good, weight_bucket_size: -1 })).toThrow('pinqueue.WeightBucketSize is invalid')
  })

  it('lets the environment win', () => {
    const env = { CLUSTER_PINQUEUE_METRICTTL: '22s', CLUSTER_PINQUEUE_WEIGHTBUCKETSIZE: '7' }
    expect(load(good, env)).toEqual({ metricTtlMs: 22_000, weightBucketSize: 7 })
  })
})
