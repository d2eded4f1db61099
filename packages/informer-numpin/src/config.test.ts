import { describe, expect, it } from 'vitest'
import { numpinConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => numpinConfig.load(json, env, '.')

describe('the section of the numpin informer', () => {
  it('has defaults, survives a round trip, and lets the environment win', () => {
    expect(load(undefined)).toEqual({ metricTtlMs: 10_000 })
    expect(numpinConfig.save(load({ metric_ttl: '1m0s' }), 'file')).toEqual({ metric_ttl: '1m0s' })
    expect(load({ metric_ttl: '1s' }, { CLUSTER_NUMPIN_METRICTTL: '2s' })).toEqual({ metricTtlMs: 2000 })
  })

  it.each(['-1s', '0s', '', 'x', undefined])('refuses the lifetime %j', (metric_ttl) => {
    expect(() => load({ metric_ttl })).toThrow(/^disk\.metric_ttl is invalid/)
  })
})
