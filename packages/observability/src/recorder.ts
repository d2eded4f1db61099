import type { CalculateMetric } from '@libp2p/interface'
import { Counter, Gauge, Histogram, Summary, type Metric as PromMetric, type Registry } from 'prom-client'

/** The kinds of metrics that Prometheus knows. */
export type MetricKind = 'gauge' | 'counter' | 'histogram' | 'summary'

/** What may be said of a metric when it is registered. */
export interface RecorderOptions {
  /** Name of the label by which the values of a group differ. */
  readonly label?: string
  readonly help?: string
  readonly buckets?: number[]
  readonly percentiles?: number[]
  readonly maxAgeSeconds?: number
  readonly ageBuckets?: number
  /** Asked at each scrape instead of being told. */
  readonly calculate?: CalculateMetric<number | Record<string, number>>
}

/** One metric, as numbers go into it: `key` is the value of the label, for those of a group. */
export interface Recorder {
  /** Sets a gauge; observes with a histogram or summary. */
  readonly record: (value: number, key?: string) => void
  /** Adds to a gauge or counter. */
  readonly add: (value: number, key?: string) => void
  readonly reset: () => void
}

/** Prometheus takes letters, digits and underscores in names. */
function sanitize(text: string): string {
  return text.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

/**
 * The recorder of a name in a registry. A name that is registered already gets its metric again.
 *
 * @throws {Error} when the name is registered as another kind
 */
export function recorderOf(
  registry: Registry,
  kind: MetricKind,
  rawName: string,
  grouped: boolean,
  options: RecorderOptions
): Recorder {
  const name = sanitize(rawName)
  const label = sanitize(options.label ?? 'name')
  const labels = (key: string | undefined): Record<string, string> => (grouped ? { [label]: key ?? '' } : {})
  const init = {
    name,
    help: options.help ?? name,
    labelNames: grouped ? [label] : [],
    registers: [registry],
    ...(options.buckets === undefined ? {} : { buckets: options.buckets }),
    ...(options.percentiles === undefined ? {} : { percentiles: options.percentiles }),
    ...(options.maxAgeSeconds === undefined ? {} : { maxAgeSeconds: options.maxAgeSeconds }),
    ...(options.ageBuckets === undefined ? {} : { ageBuckets: options.ageBuckets })
  }
  const known = registry.getSingleMetric(name)
  const { calculate } = options
  const collect = (recorder: () => Recorder) =>
    calculate === undefined ? {} : { collect: () => calculated(calculate, recorder(), kind) }
  const impossible = (): never => {
    throw new Error(`metric ${name} is registered already, as another kind than ${kind}`)
  }
  switch (kind) {
    case 'gauge': {
      const gauge = reuse(known, Gauge, impossible) ?? new Gauge({ ...init, ...collect(() => recorder) })
      const recorder: Recorder = {
        record: (value, key) => {
          gauge.set(labels(key), value)
        },
        add: (value, key) => {
          gauge.inc(labels(key), value)
        },
        reset: () => {
          gauge.reset()
        }
      }
      return recorder
    }
    case 'counter': {
      const counter = reuse(known, Counter, impossible) ?? new Counter({ ...init, ...collect(() => recorder) })
      const add: Recorder['add'] = (value, key) => {
        counter.inc(labels(key), value)
      }
      const recorder: Recorder = {
        record: add,
        add,
        reset: () => {
          counter.reset()
        }
      }
      return recorder
    }
    case 'histogram': {
      const histogram = reuse(known, Histogram, impossible) ?? new Histogram({ ...init, ...collect(() => recorder) })
      const recorder = observing(histogram, labels)
      return recorder
    }
    case 'summary': {
      const summary = reuse(known, Summary, impossible) ?? new Summary({ ...init, ...collect(() => recorder) })
      const recorder = observing(summary, labels)
      return recorder
    }
  }
}

function observing(
  observer: Histogram | Summary,
  labels: (key: string | undefined) => Record<string, string>
): Recorder {
  const record: Recorder['record'] = (value, key) => {
    observer.observe(labels(key), value)
  }
  return {
    record,
    add: record,
    reset: () => {
      observer.reset()
    }
  }
}

function reuse<T extends PromMetric>(
  known: PromMetric | undefined,
  kind: abstract new (...args: never[]) => T,
  otherwise: () => never
): T | undefined {
  if (known === undefined) return undefined
  return known instanceof kind ? known : otherwise()
}

async function calculated(
  calculate: NonNullable<RecorderOptions['calculate']>,
  recorder: Recorder,
  kind: MetricKind
): Promise<void> {
  const values = await calculate()
  // A calculated counter says how many there are, not how many more.
  if (kind === 'counter') recorder.reset()
  if (typeof values === 'number') recorder.record(values)
  else for (const [key, value] of Object.entries(values)) recorder.record(value, key)
}
