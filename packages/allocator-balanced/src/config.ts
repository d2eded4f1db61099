import { section, texts, type Section } from '@cluster/config'

/** What {@link balancedConfig} reads from `allocator.balanced`. */
export interface BalancedConfig {
  /** Names of metrics, most important first. At least one. */
  readonly allocateBy: readonly string[]
}

/** What a configuration file from before this allocator means: it has no section `allocator.balanced` at all. */
const WITHOUT_SECTION: BalancedConfig = { allocateBy: ['freespace'] }

const balanced = section({
  name: 'balanced',
  env: 'CLUSTER_BALANCED',
  options: {
    allocate_by: texts({
      default: ['tag:group', 'freespace'],
      description: 'Names of the metrics to spread copies over (partitionable ones) and to sort peers by, in this order'
    })
  },
  validate: ({ allocateBy }) => {
    return allocateBy.length === 0 ? 'metricalloc.allocate_by is invalid' : undefined
  }
})

/**
 * The section `allocator.balanced`. Absent means `["freespace"]`, whatever the environment says, as old configuration
 * files expect; present but without the option means `["tag:group", "freespace"]`.
 *
 * @see cli-config.md `allocator.balanced`
 */
export const balancedConfig: Section<BalancedConfig> = {
  ...balanced,
  load: (json, env, baseDir) => {
    const values = balanced.load(json, env, baseDir)
    return json === undefined ? WITHOUT_SECTION : values
  }
}
