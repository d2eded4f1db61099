import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { embeddedConfig, storageMaxBytes } from './config.ts'
import { listenTarget } from '@cluster/config'

const load = (json: unknown, env: Record<string, string> = {}) => embeddedConfig.load(json, env, '.')

describe('ipfs_connector.embedded', () => {
  it('has defaults for everything, and survives a round trip', () => {
    const { defaults } = embeddedConfig
    expect(load({})).toEqual(defaults)
    expect(load(undefined)).toEqual(defaults)
    expect(embeddedConfig.save(defaults, 'file')).toEqual({
      folder: 'ipfs',
      storage_max: '10GB',
      gateway_listen_multiaddress: '/ip4/127.0.0.1/tcp/8080',
      gateway_timeout: '30s',
      request_timeout: '5m0s',
      pin_timeout: '2m0s',
      hold_time: '1h0m0s',
      informer_trigger_interval: 0
    })
    expect(load(embeddedConfig.save(defaults, 'file'))).toEqual(defaults)
    expect(storageMaxBytes(defaults)).toBe(10_000_000_000)
  })

  it.each([
    ['', []],
    [[], []]
  ])('no gateway: %j', (gateway_listen_multiaddress, expected) => {
    expect(load({ gateway_listen_multiaddress }).gatewayListenMultiaddress).toEqual(expected)
  })

  it('takes the environment', () => {
    const env = {
      CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: '/ip4/127.0.0.1/tcp/1234',
      CLUSTER_EMBEDDED_PINTIMEOUT: '0s',
      CLUSTER_EMBEDDED_STORAGEMAX: '2TiB'
    }
    const config = load({ storage_max: '1GB' }, env)
    expect(config.gatewayListenMultiaddress.map(String)).toEqual(['/ip4/127.0.0.1/tcp/1234'])
    expect(config.pinTimeoutMs).toBe(0)
    expect(storageMaxBytes(config)).toBe(2 * 2 ** 40)
    expect(load({}, { CLUSTER_EMBEDDED_GATEWAYLISTENMULTIADDRESS: '' }).gatewayListenMultiaddress).toEqual([])
  })

  it.each([
    [{ storage_max: 'lots' }, 'embedded.storage_max is invalid: expected a size such as 10GB, not "lots"'],
    [{ pin_timeout: '-1s' }, 'embedded.pin_timeout is invalid'],
    [{ informer_trigger_interval: -1 }, 'embedded.informer_trigger_interval is invalid'],
    [
      { gateway_listen_multiaddress: '/ip4/127.0.0.1/udp/1' },
      'embedded.gateway_listen_multiaddress is invalid: cannot listen on /ip4/127.0.0.1/udp/1, ' +
        'expected /ip4, /ip6 or /dns with /tcp, or /unix'
    ]
  ])('refuses %j', (json, message) => {
    expect(() => load(json)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }))
  })
})

it('addresses to listen on', () => {
  const target = (text: string) => listenTarget(multiaddr(text))
  expect(target('/ip4/127.0.0.1/tcp/80')).toEqual({ host: '127.0.0.1', port: 80 })
  expect(target('/ip6/::1/tcp/80')).toEqual({ host: '::1', port: 80 })
  expect(target('/dns4/localhost/tcp/80')).toEqual({ host: 'localhost', port: 80 })
  expect(target('/unix/%2Ftmp%2Fgateway.sock')).toEqual({ path: '/tmp/gateway.sock' })
  expect(target('/ip4/127.0.0.1/tcp/80/ws')).toBeUndefined()
  expect(target('/ip4/127.0.0.1')).toBeUndefined()
})
