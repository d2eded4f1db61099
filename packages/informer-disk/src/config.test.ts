import { describe, expect, it } from 'vitest'
import { diskConfig, sizesOf } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => diskConfig.load(json, env, '.')
const good = { metric_ttl: '30s', metric_type: 'freespace' }

describe('IN-3: informer.disk', () => {
  it('takes both types, and survives a round trip', () => {
    const json = { metric_ttl: '1m0s', metric_type: 'reposize' }
    expect(load(json)).toEqual({ ...diskConfig.defaults, metricTtlMs: 60_000, metricType: 'reposize' })
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
    expect(load(good, env)).toMatchObject({ metricTtlMs: 22_000, metricType: 'reposize' })
  })

  it('takes sizes for what is queued and what stays free, and leaves the defaults out of the file', () => {
    const json = { ...good, queued_pin_size: '100MB', min_free: '5GiB' }
    expect(sizesOf(load(json))).toEqual({ queuedPin: 100_000_000n, minFree: 5n * 2n ** 30n })
    expect(diskConfig.save(load(json), 'file')).toEqual(json)
    expect(sizesOf(load({ ...good, queued_pin_size: 'auto' }))).toEqual({ queuedPin: 'auto', minFree: 0n })
    expect(sizesOf(load(good, { CLUSTER_DISK_QUEUEDPINSIZE: '1K', CLUSTER_DISK_MINFREE: '7' }))).toEqual({
      queuedPin: 1000n,
      minFree: 7n
    })
    expect(() => load({ ...good, queued_pin_size: 'much' })).toThrow(
      'disk.queued_pin_size is invalid: expected a size such as 100MB, or auto, not "much"'
    )
    expect(() => load({ ...good, min_free: '-1' })).toThrow('disk.min_free is invalid: expected a size such as 5GB')
  })
})
