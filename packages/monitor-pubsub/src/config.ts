import { duration, section, type Section } from '@cluster/config'

/** What {@link pubsubmonConfig} reads from `monitor.pubsubmon`. */
export interface PubsubmonConfig {
  /** How often expired metrics are looked for, in milliseconds. */
  readonly checkIntervalMs: number
}

/**
 * The section `monitor.pubsubmon`. Present, it must hold the interval.
 *
 * @see cli-config.md `monitor.pubsubmon`
 */
export const pubsubmonConfig: Section<PubsubmonConfig> = section({
  name: 'pubsubmon',
  env: 'CLUSTER_PUBSUBMON',
  options: {
    check_interval: duration({
      default: 15_000,
      load: 'Z',
      invalidIsZero: true,
      description: 'How often expired metrics are looked for'
    })
  },
  validate: ({ checkIntervalMs }) => (checkIntervalMs > 0 ? undefined : 'pubsubmon.check_interval too low')
})
