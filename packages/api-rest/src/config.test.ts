import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import descriptor, { restApiConfig } from './index.ts'

describe('configuration', () => {
  const load = (json: unknown) => descriptor.config.load(json, {}, '.')

  it('of the reference loads, and is written as it was', () => {
    const url = new URL('../../testing/vectors/cli/init/default.service.json', import.meta.url)
    return readFile(url, 'utf8').then((text) => {
      const { api } = JSON.parse(text) as { api: { restapi: object } }
      const values = load(api.restapi)
      expect(values).toEqual(restApiConfig.defaults)
      expect(descriptor.config.save(values, 'file')).toEqual(api.restapi)
    })
  })

  it('hides credentials in displays', () => {
    const shown = descriptor.config.save(load({ basic_auth_credentials: { admin: 'secret' } }), 'display')
    expect(shown).toMatchObject({ basic_auth_credentials: 'XXX_hidden_XXX' })
  })

  it('takes rights of users from the environment', () => {
    const env = { CLUSTER_RESTAPI_USERRIGHTS: 'bob:read+pin,eve:', CLUSTER_RESTAPI_BASICAUTHCREDENTIALS: 'bob:b,eve:e' }
    const values = descriptor.config.load({}, env, '.')
    expect(values.userRights).toEqual({ bob: ['read', 'pin'], eve: [] })
    expect(descriptor.config.save(values, 'file')).toMatchObject({ user_rights: { bob: ['read', 'pin'], eve: [] } })
  })

  it('takes what the file lacks as absent where the reference does', () => {
    expect(load({})).toMatchObject({ corsAllowedOrigins: [], corsAllowCredentials: false, idleTimeoutMs: 120_000 })
  })

  it.each([
    [{ read_timeout: '-1s' }, 'restapi.read_timeout is invalid'],
    [{ idle_timeout: '-1s' }, 'restapi.idle_timeout invalid'],
    [{ max_header_bytes: 4095 }, 'restapi.max_header_bytes must be not less then 4096'],
    [{ basic_auth_credentials: {} }, 'restapi.basic_auth_creds should be null or have at least one entry'],
    [{ cors_max_age: '-1s' }, 'restapi.cors_max_age is invalid'],
    [{ http_listen_multiaddress: '/ip4/127.0.0.1/udp/1' }, 'error parsing restapi.http_listen_multiaddress'],
    [{ http_listen_multiaddress: 'here' }, 'error parsing restapi.http_listen_multiaddress'],
    [{ ssl_cert_file: 'cert.pem' }, 'error loading TLS certificate/key: '],
    [{ ssl_key_file: 'key.pem' }, 'error loading TLS certificate/key: '],
    [{ token_lifetime: '-1s' }, 'restapi.token_lifetime is invalid'],
    [{ token_lifetime: '1ms' }, 'restapi.token_lifetime is invalid'],
    [{ user_rights: { eve: ['read'] } }, 'restapi.user_rights: there is no user "eve"'],
    [{ basic_auth_credentials: { bob: 'b' }, user_rights: { bob: ['fly'] } }, 'restapi.user_rights: "fly" is none of'],
    [{ id: 'x' }, 'error parsing restapi.ID: '],
    [{ private_key: '§' }, 'error decoding restapi.private_key: '],
    [{ libp2p_listen_multiaddress: 'x' }, 'error parsing restapi.libp2p_listen_multiaddress: '],
    [
      { libp2p_listen_multiaddress: '/ip4/0.0.0.0/tcp/1' },
      'all ID, private_key and libp2p_listen_multiaddress should be set'
    ]
  ])('refuses %j', (json, text) => {
    expect(() => load(json)).toThrow(text)
  })
})
