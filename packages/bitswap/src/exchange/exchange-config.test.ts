import { describe, expect, it } from 'vitest'
import { bitswapConfigSection as section } from './exchange-config.ts'

const defaults = {
  clientWantsPerPeer: 960,
  clientInFlightBytes: 67_108_864,
  serverWantsPerPeer: 16_384,
  serverMessageBytes: 65_536,
  protocolPrefix: ''
}

describe('the section exchange.bitswap', () => {
  it('may be absent or empty: then all defaults hold', () => {
    expect(section.load(undefined, {}, '.')).toEqual(defaults)
    expect(section.load({}, {}, '.')).toEqual(defaults)
  })

  it('takes values of the file, and before them those of the environment', () => {
    const json = { client_wants_per_peer: 10, server_message_bytes: 1000, protocol_prefix: '/mine', unknown: 1 }
    expect(section.load(json, { CLUSTER_BITSWAP_CLIENTWANTSPERPEER: '20' }, '.')).toEqual({
      ...defaults,
      clientWantsPerPeer: 20,
      serverMessageBytes: 1000,
      protocolPrefix: '/mine'
    })
  })

  it('reads what it writes', () => {
    const config = { ...defaults, clientInFlightBytes: 5, protocolPrefix: '/x' }
    expect(section.load(section.save(config, 'file'), {}, '.')).toEqual(config)
  })

  it.each([
    [[], 'expected an object'],
    [
      { client_wants_per_peer: 0 },
      'exchange.bitswap.client_wants_per_peer: expected a whole number from 1 to 1024, not 0'
    ],
    [{ client_wants_per_peer: 2000 }, 'not 2000'],
    [{ server_wants_per_peer: '7' }, 'not 7'],
    [{ client_in_flight_bytes: 1.5 }, 'not 1.5'],
    [{ server_message_bytes: {} }, 'not object'],
    [{ protocol_prefix: 'x' }, 'exchange.bitswap.protocol_prefix']
  ])('refuses %j', (json, text) => {
    expect(() => section.load(json, {}, '.')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => section.load(json, {}, '.')).toThrow(text)
  })

  it('documents each option with its default', () => {
    const docs = section.describe()
    expect(docs.map(({ key }) => key)).toEqual(Object.keys(section.save(defaults, 'file')))
    for (const { key, default: initial } of docs) {
      expect(section.load({ [key]: JSON.parse(initial ?? '') as unknown }, {}, '.')).toEqual(defaults)
    }
  })
})
