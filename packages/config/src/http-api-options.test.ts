import { describe, expect, it } from 'vitest'
import { httpApiFailure, httpApiOptions, httpListenOption } from './http-api-options.ts'
import { section } from './section.ts'

const config = section({
  name: 'x',
  env: 'CLUSTER_X',
  options: { http_listen_multiaddress: httpListenOption(1234), ...httpApiOptions },
  validate: (values, baseDir) => httpApiFailure('x', values, baseDir)
})

describe('the options of an HTTP API', () => {
  it('are written as the reference does', () => {
    expect(config.save(config.defaults, 'file')).toEqual({
      http_listen_multiaddress: '/ip4/127.0.0.1/tcp/1234',
      read_timeout: '0s',
      read_header_timeout: '5s',
      write_timeout: '0s',
      idle_timeout: '2m0s',
      max_header_bytes: 4096,
      basic_auth_credentials: null,
      http_log_file: '',
      headers: {},
      cors_allowed_origins: ['*'],
      cors_allowed_methods: ['GET'],
      cors_allowed_headers: [],
      cors_exposed_headers: ['Content-Type', 'X-Stream-Output', 'X-Chunked-Output', 'X-Content-Length'],
      cors_allow_credentials: true,
      cors_max_age: '0s'
    })
  })

  it.each([
    [{ read_timeout: '-1s' }, 'x.read_timeout is invalid'],
    [{ read_header_timeout: '-1s' }, 'x.read_header_timeout is invalid'],
    [{ write_timeout: '-1s' }, 'x.write_timeout is invalid'],
    [{ idle_timeout: '-1s' }, 'x.idle_timeout invalid'],
    [{ max_header_bytes: 100 }, 'x.max_header_bytes must be not less then 4096'],
    [{ basic_auth_credentials: {} }, 'x.basic_auth_creds should be null or have at least one entry'],
    [{ cors_max_age: '-1s' }, 'x.cors_max_age is invalid'],
    [{ ssl_cert_file: 'a.pem' }, 'error loading TLS certificate/key: open /nowhere/a.pem: no such file or directory'],
    [{ ssl_cert_file: import.meta.filename }, 'error loading TLS certificate/key: open /nowhere: no such file'],
    [{ private_key: 'xx' }, 'error decoding x.private_key: illegal base64 data at input byte 0'],
    [{ private_key: 'AAAA' }, 'error parsing x.private_key ID: proto: cannot parse invalid wire-format data'],
    [{ id: 'xx' }, 'error parsing x.ID: failed to parse peer ID: invalid cid: selected encoding not supported'],
    [
      { http_listen_multiaddress: '/ip4/127.0.0.1/udp/1' },
      'error parsing x.http_listen_multiaddress: not a TCP or Unix'
    ]
  ])('%j is refused', (json, message) => {
    expect(() => config.load(json, {}, '/nowhere')).toThrow(message)
  })

  it('reads rights from the environment', () => {
    const env = { CLUSTER_X_USERRIGHTS: 'bob:read+pin,eve:' }
    expect(config.load({}, env, '.').userRights).toEqual({ bob: ['read', 'pin'], eve: [] })
  })
})
