import { duration, integer, section, type Section } from '@cluster/config'

/** What {@link pinqueueConfig} reads from `informer.pinqueue`. */
export interface PinqueueConfig {
  /** How long a metric is valid, in milliseconds. */
  readonly metricTtlMs: number
  /** Queue lengths that weigh the same: the weight counts whole buckets of this many pins; 0 = single pins. */
  readonly weightBucketSize: number
}

/**
 * The section `informer.pinqueue`. Present, it must hold `metric_ttl`; without `weight_bucket_size` every pin counts.
 *
 * @see cli-config.md `informer.pinqueue`
 */
export const pinqueueConfig: Section<PinqueueConfig> = section({
  name: 'pinqueue',
  env: 'CLUSTER_PINQUEUE',
  options: {
    metric_ttl: duration({
      default: 30_000,
      load: 'Z',
      invalidIsZero: true,
      description: 'How long a published metric is valid; it is renewed after half of that'
    }),
    weight_bucket_size: integer({
      default: 100_000,
      load: 'Z',
      description:
        'Peers whose queues differ by less than this many pins are taken for equally busy; 0 counts every pin'
    })
  },
  validate: ({ metricTtlMs, weightBucketSize }) => {
    if (metricTtlMs <= 0) return 'pinqueue.metric_ttl is invalid'
    return weightBucketSize < 0 ? 'pinqueue.WeightBucketSize is invalid' : undefined
  }
})
