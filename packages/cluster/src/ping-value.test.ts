import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { formatPing, isUsefulToOthers, parsePing } from './ping-value.ts'

const ID = '12D3KooWSpsnSVdz8uuh7acyixzxmGiYNYpvKCHEi6CfKQHPqBxx'
const EXAMPLE = `{"peer_name":"host","ipfs_id":"${ID}","ipfs_addresses":["/ip4/1.2.3.4/tcp/4001/p2p/${ID}"]}`

describe('ping value', () => {
  it('is the JSON of the reference peer', () => {
    const ipfsPeerAddresses = [
      multiaddr(`/ip4/127.0.0.1/tcp/4001/p2p/${ID}`),
      multiaddr(`/ip4/1.2.3.4/tcp/4001/p2p/${ID}`)
    ]
    expect(formatPing({ peername: 'host', ipfsPeerId: peerIdFromString(ID), ipfsPeerAddresses })).toBe(EXAMPLE)
    expect(formatPing({ peername: '', ipfsPeerId: undefined, ipfsPeerAddresses: undefined })).toBe('{}')
  })

  it('reads back', () => {
    const { peername, ipfsPeerId, ipfsPeerAddresses } = parsePing(EXAMPLE)
    expect([peername, ipfsPeerId?.toString(), ipfsPeerAddresses?.map(String)]).toEqual([
      'host',
      ID,
      [`/ip4/1.2.3.4/tcp/4001/p2p/${ID}`]
    ])
  })

  it.each(['', '1', 'null', '[]', '{"peer_name":3,"ipfs_id":"","ipfs_addresses":"x"}', '{"ipfs_addresses":[1,"/x"]}'])(
    'takes %j for nothing',
    (text) => {
      expect(parsePing(text)).toEqual({ peername: '', ipfsPeerId: undefined, ipfsPeerAddresses: undefined })
    }
  )

  it.each([
    ['/dns4/example.org/tcp/4001', true],
    ['/dnsaddr/example.org', true],
    ['/ip4/10.1.2.3/tcp/4001', true],
    ['/ip4/100.64.0.1/tcp/4001', true],
    ['/ip4/192.168.0.1/tcp/4001', true],
    ['/ip4/127.0.0.1/tcp/4001', false],
    ['/ip4/0.0.0.0/tcp/4001', false],
    ['/ip4/255.255.255.255/tcp/4001', false],
    ['/ip4/169.254.1.1/tcp/4001', false],
    ['/ip4/224.0.0.1/tcp/4001', false],
    ['/ip6/fd00::1/tcp/4001', true],
    ['/ip6/2001:db8::1/tcp/4001', true],
    ['/ip6/::1/tcp/4001', false],
    ['/ip6/::/tcp/4001', false],
    ['/ip6/fe80::1/tcp/4001', false],
    ['/ip6/ff02::1/tcp/4001', false],
    ['/ip6/::ffff:127.0.0.1/tcp/4001', false],
    [`/p2p/${ID}`, false]
  ])('tells others %s: %s', (address, expected) => {
    expect(isUsefulToOthers(multiaddr(address))).toBe(expected)
  })
})
