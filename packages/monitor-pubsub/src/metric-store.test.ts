import { timestampFromMs, type Metric } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { CHECKS_PER_ALERT, MetricSeries, SERIES_LENGTH } from './metric-series.ts'
import { FORGET_AFTER_MS, MAX_NAMES_PER_PEER, MetricStore } from './metric-store.ts'

const [a, b] = [testPeerId(1), testPeerId(2)]
const metric = (over: Partial<Metric> & { ttlMs?: number } = {}): Metric => {
  const { ttlMs = 100, ...rest } = over
  const expire = timestampFromMs(ttlMs)
  return {
    name: 'm',
    peer: a,
    value: 'v',
    expire,
    valid: true,
    weight: 0n,
    partitionable: false,
    receivedAt: 0n,
    ...rest
  }
}
const valuesOf = (metrics: readonly Metric[]): string[] => metrics.map(({ value }) => value)

describe('MO-10: MetricSeries', () => {
  it('keeps the newest of them, newest first', () => {
    const series = new MetricSeries(metric({ value: '0' }))
    const dropped = Array.from({ length: SERIES_LENGTH + 1 }, (_, i) => series.add(metric({ value: String(i + 1) }), 0))
    expect(dropped.filter((each) => each !== undefined).map(({ value }) => value)).toEqual(['0', '1'])
    expect(valuesOf(series.all)).toEqual(Array.from({ length: SERIES_LENGTH }, (_, i) => String(SERIES_LENGTH + 1 - i)))
    expect(series.latest.value).toBe(String(SERIES_LENGTH + 1))
  })
})

describe('MO-6, MO-8: failures', () => {
  it('is due once after the expiry, not before, and again after 300 checks', () => {
    const series = new MetricSeries(metric())
    expect([100, 101, 102].map((now) => series.check(now))).toEqual([false, true, false])
    const later = Array.from({ length: CHECKS_PER_ALERT }, (_, i) => series.check(103 + i))
    expect(later.flatMap((due, at) => (due ? [at] : []))).toEqual([CHECKS_PER_ALERT - 2])
  })

  it('is due again once a usable metric came in between, not for one that cannot be used', () => {
    const series = new MetricSeries(metric())
    expect(series.check(101)).toBe(true)
    series.add(metric(), 101) // expired when it came
    expect(series.check(102)).toBe(false)
    series.add(metric({ ttlMs: 200 }), 102)
    expect(series.check(201)).toBe(true)
  })

  it('is never due for a metric that was published as invalid', () => {
    expect(new MetricSeries(metric({ valid: false })).check(101)).toBe(false)
  })
})

describe('MetricStore', () => {
  it('MO-9: gives a metric until its expiry, the very instant included', () => {
    const store = new MetricStore()
    store.add(metric(), 0)
    expect(valuesOf(store.latestValid('m', 100))).toEqual(['v'])
    expect(store.latestValid('m', 101)).toEqual([])
    expect(store.latestForPeer('m', a)?.value).toBe('v')
  })

  it('MO-6: finds what is expired of each peer, once', () => {
    const store = new MetricStore()
    store.add(metric(), 0)
    store.add(metric({ peer: b, ttlMs: 1000 }), 0)
    expect(store.check(100)).toEqual([])
    expect(store.check(101).map(({ peer }) => peer)).toEqual([a])
    expect(store.check(102)).toEqual([])
  })

  it('forgets peers that were silent for a day, but for their last ping', () => {
    const store = new MetricStore()
    store.add(metric(), 0)
    store.add(metric({ name: 'ping', value: 'older' }), 0)
    store.add(metric({ name: 'ping', value: 'who I am' }), 0)
    store.add(metric({ name: 'long', ttlMs: 10 * FORGET_AFTER_MS }), 0)
    store.check(101)
    const late = FORGET_AFTER_MS + 1
    expect(store.check(late)).toEqual([])
    expect(store.names).toEqual(['ping', 'long'])
    expect(store.latestForPeer('ping', a)?.value).toBe('who I am')
    for (let i = 0; i < CHECKS_PER_ALERT; i++) expect(store.check(late + i)).toEqual([])
    store.add(metric({ name: 'ping', ttlMs: late + 1000 }), late + 500) // it is back
    expect(store.check(late + 1001).map(({ name }) => name)).toEqual(['ping'])
  })

  it('refuses metrics without a name, and too many names of one peer, but not of others', () => {
    const store = new MetricStore()
    expect(store.add(metric({ name: '' }), 0)).toBe('no name')
    for (let i = 0; i < MAX_NAMES_PER_PEER; i++) expect(store.add(metric({ name: `n${i}` }), 0)).toBeUndefined()
    expect(store.add(metric({ name: 'one more' }), 0)).toBe('too many names')
    expect(store.add(metric({ name: 'n0', value: 'again' }), 0)).toBeUndefined()
    expect(store.add(metric({ name: 'one more', peer: b }), 0)).toBeUndefined()
  })

  it('lets those go first that were silent longest when its memory is full', () => {
    const store = new MetricStore(10_000)
    const big = 'x'.repeat(1000)
    for (let i = 0; i < 4; i++) store.add(metric({ name: `n${i}`, value: big }), 0)
    store.add(metric({ name: 'n0', value: 'small' }), 0)
    expect(store.size).toBe(4)
    store.add(metric({ name: 'n4', value: big }), 0)
    expect(store.names).toEqual(['n0', 'n2', 'n3', 'n4'])
    expect(store.latestForPeer('n1', a)).toBeUndefined()
    expect(store.latestForPeer('n0', a)?.value).toBe('small')
    for (let i = 0; i < 1000; i++) store.add(metric({ name: `n${i % 100}`, value: big, peer: testPeerId(i % 7) }), 0)
    expect(store.size).toBeLessThanOrEqual(10_000 / 2256)
  })
})
