import { section, texts, type Section } from '@cluster/config'

/** What {@link balancedConfig} reads from `allocator.balanced`. */
export interface BalancedConfig {
  /** Names of metrics, most important first. At least one, none twice. */
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
      description:
        'Names of the metrics to spread copies over (partitionable ones) and to sort peers by, in this order',
      parseError: 'metricalloc.allocate_by is invalid'
    })
  },
  validate: ({ allocateBy }) => {
    if (allocateBy.length === 0) return 'metricalloc.allocate_by is invalid'
    const twice = allocateBy.find((name, at) => allocateBy.indexOf(name) !== at)
    return twice === undefined ? undefined : `metricalloc.allocate_by is invalid: ${twice} is listed twice`
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
