import { duration, section, textMap, type Section } from '@cluster/config'

/** What {@link tagsConfig} reads from `informer.tags`. */
export interface TagsConfig {
  /** How long a metric is valid, in milliseconds. */
  readonly metricTtlMs: number
  /** Tag names and values; `null` and empty mean none. */
  readonly tags: Readonly<Record<string, string>> | null
}

/**
 * The section `informer.tags`. Present but without `tags` means none, not the default group.
 *
 * @see cli-config.md `informer.tags`
 */
export const tagsConfig: Section<TagsConfig> = section({
  name: 'tags',
  env: 'CLUSTER_TAGS',
  options: {
    metric_ttl: duration({
      default: 30_000,
      description: 'How long a published metric is valid; it is renewed after half of that'
    }),
    tags: textMap({
      default: { group: 'default' },
      load: 'Z',
      description: 'What this peer says of itself, such as region or rack; each is the metric tag:<name>'
    })
  },
  validate: ({ metricTtlMs }) => (metricTtlMs <= 0 ? 'tags.metric_ttl is invalid' : undefined)
})
