import { describe, expect, it } from 'vitest'
import { addresses, duration, flag, group, integer, section, text } from './index.ts'

const config = section({
  name: 'sample',
  env: 'CLUSTER_SAMPLE',
  options: {
    some_interval: duration({ default: 30_000, description: 'how often' }),
    is_on: flag({ default: true, load: 'Z', description: 'whether' }),
    listen_multiaddress: addresses({ default: [], load: 'Z', description: 'where' }),
    token: text({ default: '', secret: true, description: 'what to say' }),
    inner_part: group({ high_water: integer({ default: 400, load: 'Z', omit: true, description: 'how many' }) })
  },
  validate: ({ someIntervalMs, innerPart }) => {
    if (someIntervalMs <= 0) return 'sample.some_interval is invalid'
    return innerPart.highWater <= 0 ? 'sample.inner_part.high_water is invalid' : undefined
  }
})

describe('section', () => {
  it('takes the defaults when the section is absent, and the zero values of rule Z when it is empty', () => {
    expect(config.load(undefined, {}, '.')).toEqual(config.defaults)
    expect(config.defaults.isOn).toBe(true)
    const values = config.load({}, {}, '.')
    expect(values.isOn).toBe(false)
    expect(values.someIntervalMs).toBe(30_000)
    expect(values.innerPart.highWater).toBe(400)
  })

  it('reads durations, addresses as text or list, keys in any case', () => {
    const values = config.load({ Some_Interval: '1m30s', listen_multiaddress: '/ip4/127.0.0.1/tcp/1' }, {}, '.')
    expect(values.someIntervalMs).toBe(90_000)
    expect(values.listenMultiaddress.map(String)).toEqual(['/ip4/127.0.0.1/tcp/1'])
  })

  it('lets the environment win, also over a nested option and over an absent section', () => {
    const env = { CLUSTER_SAMPLE_SOMEINTERVAL: '5s', CLUSTER_SAMPLE_INNERPART_HIGHWATER: '7' }
    expect(config.load({ some_interval: '1m' }, env, '.').someIntervalMs).toBe(5000)
    expect(config.load(undefined, env, '.').innerPart.highWater).toBe(7)
    expect(config.load(undefined, env, '.').isOn).toBe(true)
  })

  it('names the option that is wrong', () => {
    expect(() => config.load({ some_interval: 'soon' }, {}, '.')).toThrow(
      'error parsing sample.some_interval: time: invalid duration "soon"'
    )
    expect(() => config.load({ is_on: 'yes' }, {}, '.')).toThrow(/^error parsing sample\.is_on: /)
    expect(() => config.load({ some_interval: '-1s' }, {}, '.')).toThrow('sample.some_interval is invalid')
    expect(() => config.load([], {}, '.')).toThrow('sample: expected an object')
    expect(() => config.load({}, { CLUSTER_SAMPLE_INNERPART_HIGHWATER: 'many' }, '.')).toThrow(
      'assigning CLUSTER_SAMPLE_INNERPART_HIGHWATER to HighWater: converting'
    )
  })

  it('writes what it reads, leaves defaults out where asked, and hides secrets in displays', () => {
    const json = {
      some_interval: '1h0m0s',
      is_on: true,
      listen_multiaddress: [],
      token: 'x',
      inner_part: { high_water: 7 }
    }
    const values = config.load(json, {}, '.')
    expect(config.save(values, 'file')).toEqual(json)
    expect(config.save(values, 'display')).toMatchObject({ token: 'XXX_hidden_XXX' })
  })

  it('shows every key of the first level, and says of a secret neither what it is nor whether it is set', () => {
    const shown = section({
      name: 'x',
      env: 'CLUSTER_X',
      options: {
        token: text({ default: '', omit: true, secret: true, description: 'what to say' }),
        folder: text({ default: 'x', omit: true, description: 'where' }),
        inner: group({ folder: text({ default: 'x', omit: true, description: 'where' }) })
      }
    })
    expect(shown.save(shown.defaults, 'file')).toEqual({})
    expect(shown.save(shown.defaults, 'display')).toEqual({ token: 'XXX_hidden_XXX', folder: 'x' })
  })
})
