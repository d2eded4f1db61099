import type { CalculateMetric, Counter, CounterGroup, Metric, MetricGroup, Metrics } from '@libp2p/interface'

type Values = Partial<Record<string, number | true>>
interface Options {
  readonly calculate?: CalculateMetric<number | Record<string, number>>
}

/** Gauges and counters that a test reads back; no histograms or summaries. */
export interface MemoryCounters extends Metrics {
  /** The values by name, those of groups as `name{label}`; what is calculated is asked now. */
  read(): Promise<Record<string, number>>
}

/** libp2p's `Metrics` in memory. */
export function memoryCounters(): MemoryCounters {
  const values = new Map<string, number>()
  const calculated = new Map<string, NonNullable<Options['calculate']>>()
  const add = (name: string, by: number): void => {
    values.set(name, (values.get(name) ?? 0) + by)
  }
  const one = (name: string, { calculate }: Options = {}): Metric & Counter => {
    if (calculate !== undefined) calculated.set(name, calculate)
    if (!values.has(name)) values.set(name, 0)
    return {
      update: (value) => values.set(name, value),
      increment: (by = 1) => {
        add(name, by)
      },
      decrement: (by = 1) => {
        add(name, -by)
      },
      reset: () => values.set(name, 0),
      timer: () => () => undefined
    }
  }
  const group = (name: string, { calculate }: Options = {}): MetricGroup & CounterGroup => {
    if (calculate !== undefined) calculated.set(name, calculate)
    const each = (given: Values, apply: (key: string, value: number) => void): void => {
      for (const [key, value] of Object.entries(given)) if (value !== undefined) apply(`${name}{${key}}`, Number(value))
    }
    return {
      update: (given) => {
        each(given, (key, value) => values.set(key, value))
      },
      increment: (given) => {
        each(given, add)
      },
      decrement: (given) => {
        each(given, (key, value) => {
          add(key, -value)
        })
      },
      reset: () => {
        for (const key of values.keys()) if (key.startsWith(`${name}{`)) values.delete(key)
      },
      timer: () => () => undefined
    }
  }
  const unknown = (): never => {
    throw new Error('memoryCounters knows gauges and counters only')
  }
  return {
    registerMetric: one,
    registerCounter: one,
    registerMetricGroup: group,
    registerCounterGroup: group,
    registerHistogram: unknown,
    registerHistogramGroup: unknown,
    registerSummary: unknown,
    registerSummaryGroup: unknown,
    trackMultiaddrConnection: () => undefined,
    trackProtocolStream: () => undefined,
    traceFunction: <F>(_name: string, fn: F): F => fn,
    createTrace: () => undefined,
    async read() {
      const all = Object.fromEntries(values)
      for (const [name, calculate] of calculated) {
        const now = await calculate()
        if (typeof now === 'number') all[name] = now
        else for (const [key, value] of Object.entries(now)) all[`${name}{${key}}`] = value
      }
      return all
    }
  }
}
