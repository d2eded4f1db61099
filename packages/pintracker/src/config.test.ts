import { describe, expect, it } from 'vitest'
import { statelessConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => statelessConfig.load(json, env, '.')

describe('TR-15: pin_tracker.stateless', () => {
  it('has valid defaults, which zero and missing values keep', () => {
    const { defaults } = statelessConfig
    const expected = { maxPinQueueSize: 1_000_000, concurrentPins: 10, priorityPinMaxAgeMs: 86_400_000 }
    expect(defaults).toEqual({ ...expected, priorityPinMaxRetries: 5, pinsPerSecond: 0 })
    const zeros = { max_pin_queue_size: 0, concurrent_pins: 0, priority_pin_max_retries: 0, priority_pin_max_age: '' }
    for (const json of [undefined, {}, zeros]) expect(load(json)).toEqual(defaults)
  })

  it('survives a round trip, without the queue size while it is the default', () => {
    const json = { concurrent_pins: 2, priority_pin_max_age: '24h0m0s', priority_pin_max_retries: 5 }
    expect(statelessConfig.save(load(json), 'file')).toEqual(json)
    const more = { max_pin_queue_size: 7, ...json }
    expect(statelessConfig.save(load(more), 'file')).toEqual(more)
  })

  it.each([
    [{ max_pin_queue_size: -1 }, 'statelesstracker.max_pin_queue_size too low'],
    [{ concurrent_pins: -1 }, 'statelesstracker.concurrent_pins is too low'],
    [{ priority_pin_max_retries: -1 }, 'statelesstracker.priority_pin_max_retries is too low'],
    [{ pins_per_second: -1 }, 'statelesstracker.pins_per_second is too low'],
    [{ priority_pin_max_age: '-1s' }, 'statelesstracker.priority_pin_max_age is too low'],
    [{ priority_pin_max_age: '0s' }, 'statelesstracker.priority_pin_max_age is too low'],
    [{ priority_pin_max_age: 'x' }, 'error parsing stateless.priority_pin_max_age: time: invalid duration "x"'],
    [{ concurrent_pins: -1, priority_pin_max_retries: -1 }, 'statelesstracker.concurrent_pins is too low']
  ])('refuses %j', (json, text) => {
    expect(() => load(json)).toThrow(text)
  })

  it('lets the environment win', () => {
    const env = { CLUSTER_STATELESS_CONCURRENTPINS: '3', CLUSTER_STATELESS_PRIORITYPINMAXRETRIES: '9' }
    expect(load({ concurrent_pins: 2 }, env)).toMatchObject({ concurrentPins: 3, priorityPinMaxRetries: 9 })
  })
})
