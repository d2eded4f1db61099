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
  /** How many pins may begin in a second; 0 for no limit. */
  readonly pinsPerSecond: number
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
    }),
    pins_per_second: integer({
      default: 0,
      omit: true,
      description: 'How many pins may begin in a second, 0 for no limit; Go peers have no such limit'
    })
  },
  validate: ({ maxPinQueueSize, concurrentPins, priorityPinMaxAgeMs, priorityPinMaxRetries, pinsPerSecond }) => {
    if (maxPinQueueSize <= 0) return 'statelesstracker.max_pin_queue_size too low'
    if (concurrentPins <= 0) return 'statelesstracker.concurrent_pins is too low'
    if (priorityPinMaxAgeMs <= 0) return 'statelesstracker.priority_pin_max_age is too low'
    if (priorityPinMaxRetries <= 0) return 'statelesstracker.priority_pin_max_retries is too low'
    return pinsPerSecond < 0 ? 'statelesstracker.pins_per_second is too low' : undefined
  }
})
