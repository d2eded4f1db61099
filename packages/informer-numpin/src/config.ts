import { duration, section, type Section } from '@cluster/config'

/** What {@link numpinConfig} reads from its section. */
export interface NumpinConfig {
  /** How long a metric is valid, in milliseconds. */
  readonly metricTtlMs: number
}

/**
 * The section of the numpin informer. Present, it must hold `metric_ttl`.
 *
 * @see behaviours.md §3.5
 */
export const numpinConfig: Section<NumpinConfig> = section({
  name: 'numpin',
  env: 'CLUSTER_NUMPIN',
  options: {
    metric_ttl: duration({
      default: 10_000,
      load: 'Z',
      invalidIsZero: true,
      description: 'How long a published metric is valid; the pins are counted again after half of that'
    })
  },
  // the reference says disk here too
  validate: ({ metricTtlMs }) => (metricTtlMs <= 0 ? 'disk.metric_ttl is invalid' : undefined)
})
