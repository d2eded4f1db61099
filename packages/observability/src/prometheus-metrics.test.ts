import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { prometheusMetrics } from './prometheus-metrics.ts'

describe('metrics for Prometheus', () => {
  it('count, set and observe, alone and by label', async () => {
    const registry = new Registry()
    const metrics = prometheusMetrics(registry)
    const gauge = metrics.registerMetric('pins', { help: 'Total number of cluster pins' })
    gauge.update(7)
    gauge.increment()
    gauge.decrement(3)
    metrics.registerMetricGroup('traffic', { label: 'protocol' }).update({ '/ipfs/id/1.0.0': 12, other: 3 })
    metrics.registerCounter('blocks').increment(2)
    metrics.registerCounterGroup('calls', { label: 'method' }).increment({ ID: true, Pin: 2 })
    metrics.registerHistogram('seconds', { buckets: [1, 2] }).observe(1.5)
    metrics.registerSummary('sizes', { percentiles: [0.5] }).observe(9)
    const text = await registry.metrics()
    expect(text).toContain('# HELP pins Total number of cluster pins\n# TYPE pins gauge\npins 5\n')
    expect(text).toContain('traffic{protocol="/ipfs/id/1.0.0"} 12\n')
    expect(text).toContain('# TYPE blocks counter\nblocks 2\n')
    expect(text).toContain('calls{method="ID"} 1\ncalls{method="Pin"} 2\n')
    expect(text).toContain('seconds_bucket{le="2"} 1\n')
    expect(text).toContain('sizes{quantile="0.5"} 9\n')
  })

  it('are asked at each scrape when they are calculated', async () => {
    const registry = new Registry()
    let bytes = 5
    prometheusMetrics(registry).registerCounterGroup('bytes', { label: 'kind', calculate: () => ({ sent: bytes }) })
    expect(await registry.metrics()).toContain('bytes{kind="sent"} 5\n')
    bytes = 8
    expect(await registry.metrics()).toContain('bytes{kind="sent"} 8\n')
  })

  it('are the same under the same name, and of one kind', async () => {
    const registry = new Registry()
    const metrics = prometheusMetrics(registry)
    metrics.registerCounter('a.b').increment()
    metrics.registerCounter('a.b').increment()
    expect(await registry.metrics()).toContain('a_b 2\n')
    expect(() => metrics.registerMetric('a.b')).toThrow('metric a_b is registered already, as another kind than gauge')
  })

  it('of two peers in one process do not mix', async () => {
    const [a, b] = [new Registry(), new Registry()]
    prometheusMetrics(a).registerCounter('pins').increment()
    prometheusMetrics(b).registerCounter('pins').increment(4)
    expect(await a.metrics()).toContain('pins 1\n')
    expect(await b.metrics()).toContain('pins 4\n')
  })
})
