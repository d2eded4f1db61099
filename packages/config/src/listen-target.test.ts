import { describe, expect, it } from 'vitest'
import { boundAddress, listenTarget } from './listen-target.ts'
import { formatMultiaddr, parseMultiaddr } from './multiaddr-text.ts'

describe('where to listen', () => {
  it.each([
    ['/ip4/127.0.0.1/tcp/9094', { host: '127.0.0.1', port: 9094 }],
    ['/ip6/::1/tcp/0', { host: '::1', port: 0 }],
    ['/dns4/example.com/tcp/80', { host: 'example.com', port: 80 }],
    ['/unix/run/cluster/api.sock', { path: '/run/cluster/api.sock' }]
  ])('%s', (text, target) => {
    expect(listenTarget(parseMultiaddr(text))).toEqual(target)
  })

  it.each(['/ip4/127.0.0.1/udp/9094', '/ip4/127.0.0.1', '/ip4/127.0.0.1/tcp/1/ws'])('not on %s', (text) => {
    expect(listenTarget(parseMultiaddr(text))).toBeUndefined()
  })

  it('is told with the port that was found', () => {
    const any = parseMultiaddr('/ip4/127.0.0.1/tcp/0')
    expect(boundAddress(any, { host: '127.0.0.1', port: 7 }).toString()).toBe('/ip4/127.0.0.1/tcp/7')
  })
})

describe('a multiaddress', () => {
  it('of a Unix socket is written as Go writes it', () => {
    expect(formatMultiaddr(parseMultiaddr('/unix/tmp/x.sock'))).toBe('/unix/tmp/x.sock')
    expect(formatMultiaddr(parseMultiaddr('/unix/%2Ftmp%2Fx.sock'))).toBe('/unix/tmp/x.sock')
    expect(formatMultiaddr(parseMultiaddr('/ip4/1.2.3.4/tcp/1'))).toBe('/ip4/1.2.3.4/tcp/1')
  })

  it('takes the old name of a peer', () => {
    const id = '12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6'
    expect(parseMultiaddr(`/ip4/1.2.3.4/tcp/1/ipfs/${id}`).toString()).toBe(`/ip4/1.2.3.4/tcp/1/p2p/${id}`)
  })
})
