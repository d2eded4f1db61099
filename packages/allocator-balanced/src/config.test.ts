import { describe, expect, it } from 'vitest'
import { balancedConfig } from './config.ts'

const load = (json: unknown, env: Record<string, string> = {}) => balancedConfig.load(json, env, '.')

describe('AL-2: allocator.balanced', () => {
  it('survives a round trip', () => {
    const json = { allocate_by: ['tag:region', 'pinqueue'] }
    const config = load(json)
    expect(config).toEqual({ allocateBy: ['tag:region', 'pinqueue'] })
    expect(balancedConfig.save(config, 'file')).toEqual(json)
  })

  it('has a valid default, which an empty or missing list keeps', () => {
    const allocateBy = ['tag:group', 'freespace']
    expect(load({})).toEqual({ allocateBy })
    expect(load({ allocate_by: [] })).toEqual({ allocateBy })
    expect(load({ allocate_by: null })).toEqual({ allocateBy })
  })

  it('means freespace only when the section is absent', () => {
    expect(load(undefined)).toEqual({ allocateBy: ['freespace'] })
  })

  it('takes a list from the environment', () => {
    expect(load({}, { CLUSTER_BALANCED_ALLOCATEBY: 'a,b,c' })).toEqual({ allocateBy: ['a', 'b', 'c'] })
  })

  it('refuses what is no list of names', () => {
    expect(() => load({ allocate_by: 'x' })).toThrow('error parsing balanced.allocate_by: ')
  })
})
