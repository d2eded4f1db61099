import { describe, expect, it } from 'vitest'
import { tagsConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => tagsConfig.load(json, env, '.')
const good = { metric_ttl: '30s', tags: { group: 'default' } }

describe('IN-6: informer.tags', () => {
  it('has the group "default", and survives a round trip', () => {
    expect(tagsConfig.save(tagsConfig.defaults, 'file')).toEqual(good)
    expect(load(undefined)).toEqual(tagsConfig.defaults)
    const json = { metric_ttl: '1m0s', tags: { region: 'eu', rack: '7' } }
    expect(load(json)).toEqual({ metricTtlMs: 60_000, tags: { region: 'eu', rack: '7' } })
    expect(tagsConfig.save(load(json), 'file')).toEqual(json)
  })

  it.each([{}, { tags: null }])('has no tags when the section has none: %j', (json) => {
    expect(load(json)).toEqual({ metricTtlMs: 30_000, tags: null })
  })

  it.each(['-1s', '0s'])('refuses the lifetime %j', (metric_ttl) => {
    expect(() => load({ ...good, metric_ttl })).toThrow('tags.metric_ttl is invalid')
  })

  it('refuses what is no duration, and tags that are no texts', () => {
    expect(() => load({ ...good, metric_ttl: 'x' })).toThrow(/^error parsing tags\.metric_ttl: /)
    expect(() => load({ ...good, tags: { a: 5 } })).toThrow(/tags\.tags/)
    expect(() => load({ ...good, tags: 'x' })).toThrow(/tags\.tags/)
  })

  it('lets the environment win', () => {
    const env = { CLUSTER_TAGS_METRICTTL: '22s', CLUSTER_TAGS_TAGS: 'z:q,y:w' }
    expect(load(good, env)).toEqual({ metricTtlMs: 22_000, tags: { z: 'q', y: 'w' } })
  })
})
