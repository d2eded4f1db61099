import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { authorizationHeader, httpConfig } from './config.ts'
import { daemonAddress } from './daemon/daemon-address.ts'

const load = (json: unknown, env: Record<string, string> = {}) => httpConfig.load(json, env, '.')
const good = {
  node_multiaddress: '/ip4/127.0.0.1/tcp/5001',
  connect_swarms_delay: '30s',
  ipfs_request_timeout: '5m0s',
  pin_timeout: '2m0s',
  unpin_timeout: '3h0m0s',
  repogc_timeout: '24h0m0s',
  informer_trigger_interval: 0
}

interface Case {
  readonly section: string
  readonly set: Record<string, unknown>
  readonly error: string | null
}
const vectors = new URL('../../testing/vectors/cli/validation.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(vectors, 'utf8')) as { cases: readonly Case[] }
const recorded = cases.filter(({ section }) => section === 'ipfs_connector.ipfshttp')

describe('IP-16: ipfs_connector.ipfshttp', () => {
  it('has the defaults of the reference, and survives a round trip', () => {
    expect(httpConfig.save(httpConfig.defaults, 'file')).toEqual(good)
    expect(load(undefined)).toEqual(httpConfig.defaults)
    const json = {
      ...good,
      node_multiaddress: '/unix/run/ipfs.sock',
      unpin_disable: true,
      pin_names: true,
      authorization: 'basic:u:p'
    }
    expect(httpConfig.save(load(json), 'file')).toEqual(json)
    expect(httpConfig.save(load(json), 'display')).toMatchObject({ authorization: 'XXX_hidden_XXX' })
  })

  it.each(recorded)('judges like the reference: $set', ({ set, error }) => {
    const json = Object.fromEntries(Object.entries({ ...good, ...set }).filter(([, value]) => value !== '(absent)'))
    if (error === null) return void load(json)
    // What Go's parsers say of a wrong value is theirs; whose value it is, and what is wrong with it, is ours to say.
    const ours = /^(?:error loading configurations: )(.*?)(?:: (?:failed|time|json).*|$)/.exec(error)?.[1] ?? ''
    const isType = error.includes('json: cannot unmarshal')
    expect(() => load(json)).toThrow(isType ? 'ipfshttp.informer_trigger_interval' : ours)
  })

  it('says what is wrong with an address as the reference does', () => {
    const parsing = 'error parsing ipfs_node_multiaddress: failed to parse multiaddr'
    expect(() => load({})).toThrow(`${parsing} "": empty multiaddr`)
    expect(() => load({ node_multiaddress: 'abc' })).toThrow(`${parsing} "abc": must begin with /`)
    expect(() => load({ node_multiaddress: '/ip4/1.2.3.4/udp/5001' })).toThrow(/expected .*\/tcp/)
  })

  it('lets the environment win', () => {
    const env = { CLUSTER_IPFSHTTP_PINTIMEOUT: '22m', CLUSTER_IPFSHTTP_NODEMULTIADDRESS: '/ip4/192.0.2.1/tcp/1' }
    expect(load(good, env)).toMatchObject({ pinTimeoutMs: 1_320_000 })
    expect(load(good, env).nodeMultiaddress.toString()).toBe('/ip4/192.0.2.1/tcp/1')
  })

  it.each([
    ['/ip4/127.0.0.1/tcp/5001', { origin: 'http://127.0.0.1:5001' }],
    ['/ip6/::1/tcp/5001', { origin: 'http://[::1]:5001' }],
    ['/dns4/ipfs.example/tcp/443/https', { origin: 'https://ipfs.example:443' }],
    ['/dns/ipfs.example/tcp/5001/tls/http', { origin: 'https://ipfs.example:5001' }],
    ['/dns6/ipfs.example', { origin: 'http://ipfs.example' }],
    ['/unix/run/ipfs.sock', { origin: 'http://ipfs', socketPath: '/run/ipfs.sock' }]
  ])('finds the daemon at %s', (address, expected) => {
    expect(daemonAddress(load({ ...good, node_multiaddress: address }).nodeMultiaddress)).toEqual(expected)
  })

  it.each([
    ['', undefined],
    ['bearer:abc', 'Bearer abc'],
    ['basic:user:pass:word', `Basic ${Buffer.from('user:pass:word').toString('base64')}`],
    ['Basic abc', 'Basic abc']
  ])('turns the credentials %j into the header %j', (written, header) => {
    expect(authorizationHeader(written)).toBe(header)
  })

  it('refuses credentials that would break a header', () => {
    expect(() => load({ ...good, authorization: 'bearer:a\nb' })).toThrow('ipfshttp.authorization is invalid')
  })
})
