import { describe, expect, it } from 'vitest'
import { diskConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => diskConfig.load(json, env, '.')
const good = { metric_ttl: '30s', metric_type: 'freespace' }

describe('IN-3: informer.disk', () => {
  it('takes both types, and survives a round trip', () => {
    const json = { metric_ttl: '1m0s', metric_type: 'reposize' }
    expect(load(json)).toEqual({ metricTtlMs: 60_000, metricType: 'reposize' })
    expect(diskConfig.save(load(json), 'file')).toEqual(json)
    expect(diskConfig.save(diskConfig.defaults, 'file')).toEqual(good)
    expect(load(undefined)).toEqual(diskConfig.defaults)
  })

  it.each(['-1s', '0s', '', 'x', undefined])('refuses the lifetime %j', (metric_ttl) => {
    expect(() => load({ ...good, metric_ttl })).toThrow(/^disk\.metric_ttl is invalid/)
  })

  it.each(['x', '', undefined])('refuses the type %j', (metric_type) => {
    expect(() => load({ ...good, metric_type })).toThrow('disk.metric_type is invalid')
  })

  it('reports the type when both are missing', () => {
    expect(() => load({})).toThrow('disk.metric_type is invalid')
  })

  it('lets the environment win', () => {
    const env = { CLUSTER_DISK_METRICTTL: '22s', CLUSTER_DISK_METRICTYPE: 'reposize' }
    expect(load(good, env)).toEqual({ metricTtlMs: 22_000, metricType: 'reposize' })
  })
})
