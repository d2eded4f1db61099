import type { Metric, MetricGroup, Metrics, Histogram, HistogramGroup } from '@libp2p/interface'
import type { Registry } from 'prom-client'
import { recorderOf, type MetricKind, type Recorder, type RecorderOptions } from './recorder.ts'

type Values = Partial<Record<string, number | true>>

/**
 * libp2p's `Metrics` over one registry of prom-client: what components and libp2p count ends up where Prometheus reads.
 * A name that is registered again is the same metric, so that several components may count into one.
 *
 * Nothing is kept outside the registry: two peers in one process do not mix, as they would with
 * `@libp2p/prometheus-metrics`.
 *
 * @example
 * ```ts
 * const registry = new Registry()
 * prometheusMetrics(registry).registerCounter('pins_added', { help: 'Pins that were added' }).increment()
 * console.log(await registry.metrics())
 * ```
 * @see cli-config.md §6.1
 */
export function prometheusMetrics(registry: Registry): Metrics {
  const one =
    (kind: MetricKind) =>
    (name: string, options: RecorderOptions = {}) =>
      single(recorderOf(registry, kind, name, false, options))
  const many =
    (kind: MetricKind) =>
    (name: string, options: RecorderOptions = {}) =>
      group(recorderOf(registry, kind, name, true, options))
  return {
    registerMetric: one('gauge'),
    registerMetricGroup: many('gauge'),
    registerCounter: one('counter'),
    registerCounterGroup: many('counter'),
    registerHistogram: one('histogram'),
    registerHistogramGroup: many('histogram'),
    registerSummary: one('summary'),
    registerSummaryGroup: many('summary'),
    // Traffic is counted by the host, by protocol; traces are another component's business.
    trackMultiaddrConnection: () => undefined,
    trackProtocolStream: () => undefined,
    traceFunction: <F>(_name: string, fn: F): F => fn,
    createTrace: () => undefined
  }
}

function single({ record, add, reset }: Recorder): Metric & Histogram {
  return {
    update: record,
    observe: record,
    increment: (value = 1) => {
      add(value)
    },
    decrement: (value = 1) => {
      add(-value)
    },
    reset,
    timer: () => stopwatch(record)
  }
}

function group({ record, add, reset }: Recorder): MetricGroup & HistogramGroup {
  const each = (apply: (value: number, key: string) => void) => (values: Values) => {
    for (const [key, value] of Object.entries(values)) if (value !== undefined) apply(Number(value), key)
  }
  return {
    update: each(record),
    observe: each(record),
    increment: each(add),
    decrement: each((value, key) => {
      add(-value, key)
    }),
    reset,
    timer: (key) =>
      stopwatch((seconds) => {
        record(seconds, key)
      })
  }
}

/** Seconds from now to the call of what is returned. */
function stopwatch(record: (seconds: number) => void): () => void {
  const begun = performance.now()
  return () => {
    record((performance.now() - begun) / 1000)
  }
}
