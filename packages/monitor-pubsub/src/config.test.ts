import { expect, it } from 'vitest'
import { pubsubmonConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => pubsubmonConfig.load(json, env, '.')

it('MO-11: takes an interval from the file or the environment', () => {
  expect(load({ check_interval: '1m0s' })).toEqual({ checkIntervalMs: 60_000 })
  expect(load({ check_interval: '1m0s' }, { CLUSTER_PUBSUBMON_CHECKINTERVAL: '22s' })).toEqual({
    checkIntervalMs: 22_000
  })
  expect(load(undefined)).toEqual({ checkIntervalMs: 15_000 })
  expect(pubsubmonConfig.save(pubsubmonConfig.defaults, 'file')).toEqual({ check_interval: '15s' })
})

it.each(['-1s', '0s', '', 'x', undefined])('MO-11: refuses the interval %j', (check_interval) => {
  expect(() => load({ check_interval })).toThrow(/^pubsubmon\.check_interval too low/)
})
