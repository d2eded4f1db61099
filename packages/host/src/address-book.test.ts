import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { AddressBook, preferDns, shuffled } from './address-book.ts'

const peer = peerIdFromString('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')

describe('AddressBook', () => {
  it('forgets addresses when their time is over, and never shortens it', () => {
    let nowMs = 0
    const book = new AddressBook(() => nowMs)
    const address = multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${peer.toString()}`)
    book.add(peer, address, 1000)
    book.add(peer, address, 10)
    book.add(peer, multiaddr('/ip4/1.2.3.4/tcp/2'), undefined)
    expect(book.addresses(peer).map(String)).toEqual(['/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.4/tcp/2'])
    nowMs = 999
    expect(book.addresses(peer).length).toBe(2)
    nowMs = 1000
    expect(book.addresses(peer).map(String)).toEqual(['/ip4/1.2.3.4/tcp/2'])
    expect(book.peers()).toEqual([peer])
  })

  it('forgets a peer with its last address, but not its priority', () => {
    let nowMs = 0
    const book = new AddressBook(() => nowMs)
    expect(book.priority(peer)).toBe(0)
    book.add(peer, multiaddr('/ip4/1.2.3.4/tcp/1'), 5)
    book.setPriority(peer, 7)
    nowMs = 5
    expect(book.peers()).toEqual([])
    expect(book.priority(peer)).toBe(7)
  })
})

describe('preferDns', () => {
  it('gives only names if there are any, else all, sorted as text', () => {
    const [name, b, a] = ['/dns4/x.org/tcp/1', '/ip4/9.9.9.9/tcp/1', '/ip4/10.0.0.1/tcp/1'].map((text) =>
      multiaddr(text)
    )
    if (name === undefined || a === undefined || b === undefined) throw new Error('three addresses')
    expect(preferDns([b, a]).map(String)).toEqual([a, b].map(String))
    expect(preferDns([b, name, a])).toEqual([name])
  })
})

describe('shuffled', () => {
  it('orders by the random numbers given', () => {
    const numbers = [0.9, 0.1, 0.5]
    expect(shuffled(['a', 'b', 'c'], () => numbers.shift() ?? 0)).toEqual(['b', 'c', 'a'])
  })
})
