import { duration, integer, section, type Section } from '@cluster/config'

/** What {@link statelessConfig} reads from `pin_tracker.stateless`. */
export interface StatelessConfig {
  /** Most operations that wait in each of the queues: priority pins, other pins, unpins. */
  readonly maxPinQueueSize: number
  /** How many pins run at once. Unpins run one at a time. */
  readonly concurrentPins: number
  /** A pin younger than this goes before older ones, in milliseconds. */
  readonly priorityPinMaxAgeMs: number
  /** A pin that failed more often than this goes to the others. */
  readonly priorityPinMaxRetries: number
}

/**
 * The section `pin_tracker.stateless`, as the Go peer names it; this tracker keeps an index.
 *
 * @see cli-config.md `pin_tracker.stateless`
 */
export const statelessConfig: Section<StatelessConfig> = section({
  name: 'stateless',
  env: 'CLUSTER_STATELESS',
  options: {
    max_pin_queue_size: integer({
      default: 1_000_000,
      omit: true,
      description: 'Most operations that wait in each queue: priority pins, other pins, unpins'
    }),
    concurrent_pins: integer({ default: 10, description: 'How many pins run at once' }),
    priority_pin_max_age: duration({
      default: 86_400_000,
      description: 'Pins younger than this go before older ones'
    }),
    priority_pin_max_retries: integer({
      default: 5,
      description: 'Pins that failed more often than this have no priority any more'
    })
  },
  validate: ({ maxPinQueueSize, concurrentPins, priorityPinMaxAgeMs, priorityPinMaxRetries }) => {
    if (maxPinQueueSize <= 0) return 'statelesstracker.max_pin_queue_size too low'
    if (concurrentPins <= 0) return 'statelesstracker.concurrent_pins is too low'
    if (priorityPinMaxAgeMs <= 0) return 'statelesstracker.priority_pin_max_age is too low'
    return priorityPinMaxRetries <= 0 ? 'statelesstracker.priority_pin_max_retries is too low' : undefined
  }
})
