import { ClusterError } from '@cluster/api'
import { duration, section, text, type Section } from '@cluster/config'

/** What the disk informer measures: free bytes below the repository's limit, or bytes used. */
export type DiskMetricType = 'freespace' | 'reposize'

/** What {@link diskConfig} reads from `informer.disk`. */
export interface DiskConfig {
  /** How long a metric is valid, in milliseconds. */
  readonly metricTtlMs: number
  readonly metricType: DiskMetricType
}

const disk = section({
  name: 'disk',
  env: 'CLUSTER_DISK',
  options: {
    metric_ttl: duration({
      default: 30_000,
      load: 'Z',
      parseError: 'disk.metric_ttl is invalid',
      description: 'How long a published metric is valid; it is renewed after half of that'
    }),
    metric_type: text({
      default: 'freespace',
      load: 'Z',
      parseError: 'disk.metric_type is invalid',
      description: 'freespace (bytes left below the limit of the repository) or reposize (bytes used)'
    })
  },
  // what metric_type may be, narrow() says, so that of two bad options it is the one reported
  validate: ({ metricType, metricTtlMs }) =>
    metricTtlMs > 0 || !isMetricType(metricType) ? undefined : 'disk.metric_ttl is invalid'
})

function isMetricType(text: string): text is DiskMetricType {
  return text === 'freespace' || text === 'reposize'
}

function narrow({ metricTtlMs, metricType }: typeof disk.defaults): DiskConfig {
  if (isMetricType(metricType)) return { metricTtlMs, metricType }
  throw new ClusterError('CONFIG_INVALID', 'disk.metric_type is invalid')
}

/**
 * The section `informer.disk`. Present, it must hold both options: there is no falling back to the defaults.
 *
 * @see cli-config.md `informer.disk`
 */
export const diskConfig: Section<DiskConfig> = {
  ...disk,
  defaults: narrow(disk.defaults),
  load: (json, env, baseDir) => narrow(disk.load(json, env, baseDir))
}
