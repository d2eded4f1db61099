import { ClusterError } from '@cluster/api'
import { duration, parseSize, section, text, type Section } from '@cluster/config'

/** What the disk informer measures: free bytes below the repository's limit, or bytes used. */
export type DiskMetricType = 'freespace' | 'reposize'

/** What {@link diskConfig} reads from `informer.disk`. */
export interface DiskConfig {
  /** How long a metric is valid, in milliseconds. */
  readonly metricTtlMs: number
  readonly metricType: DiskMetricType
  /** What each queued pin is taken to need, as text such as `100MB`; `auto` = what pins took lately; `0` = nothing. */
  readonly queuedPinSize: string
  /** What stays free, as text such as `5GB`: `freespace` is what is left beyond it. */
  readonly minFree: string
}

const disk = section({
  name: 'disk',
  env: 'CLUSTER_DISK',
  options: {
    metric_ttl: duration({
      default: 30_000,
      load: 'Z',
      invalidIsZero: true,
      description: 'How long a published metric is valid; it is renewed after half of that'
    }),
    metric_type: text({
      default: 'freespace',
      load: 'Z',
      parseError: 'disk.metric_type is invalid',
      description: 'freespace (bytes left below the limit of the repository) or reposize (bytes used)'
    }),
    queued_pin_size: text({
      default: '0',
      omit: true,
      description:
        'Count pins that are queued as if each took so much, such as 100MB; auto for what pins took lately; 0 to count only what is stored'
    }),
    min_free: text({
      default: '0',
      omit: true,
      description: 'How much of the repository stays free, such as 5GB: the peer is full when no more is left'
    })
  },
  // what metric_type may be, narrow() says, so that of two bad options it is the one reported
  validate: ({ metricType, metricTtlMs, queuedPinSize, minFree }) => {
    if (metricTtlMs <= 0 && isMetricType(metricType)) return 'disk.metric_ttl is invalid'
    if (queuedPinSize !== 'auto' && parseSize(queuedPinSize) === undefined) {
      return `disk.queued_pin_size is invalid: expected a size such as 100MB, or auto, not ${JSON.stringify(queuedPinSize)}`
    }
    if (parseSize(minFree) !== undefined) return undefined
    return `disk.min_free is invalid: expected a size such as 5GB, not ${JSON.stringify(minFree)}`
  }
})

function isMetricType(text: string): text is DiskMetricType {
  return text === 'freespace' || text === 'reposize'
}

function narrow({ metricType, ...values }: typeof disk.defaults): DiskConfig {
  if (isMetricType(metricType)) return { ...values, metricType }
  throw new ClusterError('CONFIG_INVALID', 'disk.metric_type is invalid')
}

/** The sizes of a configuration in bytes. @throws {ClusterError} `CONFIG_INVALID` for a text that is no size */
export function sizesOf({ queuedPinSize, minFree }: DiskConfig): {
  readonly queuedPin: bigint | 'auto'
  readonly minFree: bigint
} {
  const bytesOf = (text: string): bigint => {
    const bytes = parseSize(text)
    if (bytes === undefined) throw new ClusterError('CONFIG_INVALID', `disk: ${JSON.stringify(text)} is no size`)
    return BigInt(bytes)
  }
  return { queuedPin: queuedPinSize === 'auto' ? 'auto' : bytesOf(queuedPinSize), minFree: bytesOf(minFree) }
}

/**
 * The section `informer.disk`. Present, it must hold `metric_ttl` and `metric_type`: there is no falling back to the
 * defaults. The other options are ours.
 *
 * @see cli-config.md `informer.disk`
 */
export const diskConfig: Section<DiskConfig> = {
  ...disk,
  defaults: narrow(disk.defaults),
  load: (json, env, baseDir) => narrow(disk.load(json, env, baseDir))
}
