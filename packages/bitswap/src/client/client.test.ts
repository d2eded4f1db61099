import { describe, expect, it } from 'vitest'
import { Bench, cid, everybody } from './client-bench.fixture.ts'

describe('a want', () => {
  it('goes to everybody as want-have, then as want-block to who has it; a cancel follows the block', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(cid(1))
    expect(bench.told('a')).toEqual(['have 1'])
    expect(bench.told('b')).toEqual(['have 1'])
    bench.answer('b', { haves: [cid(1)] })
    expect(bench.client.outgoing('b')).toBe('urgent')
    expect(bench.told('b')).toEqual(['block 1?'])
    expect(bench.client.outgoing('a')).toBe('none')
    expect(bench.answer('b', { blocks: [cid(1)] })).toBe(1)
    expect(bench.client.outgoing('a')).toBe('lazy')
    expect(bench.told('a')).toEqual(['cancel 1'])
    expect(bench.told('b')).toEqual(['cancel 1'])
    expect(bench.client.busy).toBe(false)
  })

  it('goes as want-block at once when there is one peer only', () => {
    const bench = new Bench()
    bench.connect('a')
    bench.want(cid(1))
    expect(bench.told('a')).toEqual(['block 1?'])
  })

  it('goes to the next when a peer denies, and waits for a push when all did', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(cid(1))
    bench.told('a')
    bench.told('b')
    bench.answer('a', { haves: [cid(1)] })
    bench.answer('b', { haves: [cid(1)] })
    const asked = bench.told('a').length === 1 ? 'a' : 'b'
    const other = asked === 'a' ? 'b' : 'a'
    bench.answer(asked, { dontHaves: [cid(1)] })
    expect(bench.told(other)).toEqual(['block 1?'])
    bench.answer(other, { dontHaves: [cid(1)] })
    bench.pass(10_000)
    expect(bench.told('a')).toEqual([])
    expect(bench.told('b')).toEqual([])
    expect(bench.answer(asked, { blocks: [cid(1)] })).toBe(1)
  })

  it('goes to the next when a peer stays silent; its late block is taken', () => {
    const bench = new Bench()
    bench.connect('a')
    bench.want(cid(1))
    expect(bench.told('a')).toEqual(['block 1?'])
    bench.connect('b')
    expect(bench.told('b')).toEqual([])
    bench.pass(4900)
    expect(bench.told('b')).toEqual([])
    bench.pass(100)
    expect(bench.told('b')).toEqual(['have 1'])
    expect(bench.answer('a', { blocks: [cid(1)] })).toBe(1)
    expect(bench.told('b')).toEqual(['cancel 1'])
  })

  it('stays with a peer from which bytes still come', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.client.addMember(bench.session, 'a', 0)
    bench.want(cid(1))
    bench.told('a')
    for (let second = 0; second < 20; second += 1) {
      bench.pass(1000)
      bench.client.active('a', bench.nowMs)
    }
    expect(bench.told('b')).toEqual([])
    bench.pass(10_000)
    expect(bench.told('b')).toEqual(['have 1'])
  })

  it('goes to the next when the peer leaves, and to peers that come later', () => {
    const bench = new Bench()
    bench.want(cid(1), cid(2))
    bench.connect('a')
    expect(bench.told('a')).toEqual(['block 1?', 'block 2?'])
    bench.client.peerDisconnected('a', 0)
    bench.connect('b')
    expect(bench.told('b')).toEqual(['block 1?', 'block 2?'])
    bench.answer('b', { dontHaves: [cid(1), cid(2)] })
    bench.connect('c')
    expect(bench.told('c')).toEqual(['have 1', 'have 2'])
  })

  it('that was taken back before it was sent makes no traffic', () => {
    const bench = new Bench()
    bench.connect('a')
    bench.want(cid(1))
    bench.client.unwant(bench.session, cid(1).key, 0)
    expect(bench.told('a')).toEqual([])
    bench.want(cid(1))
    expect(bench.told('a')).toEqual(['block 1?'])
    bench.client.unwant(bench.session, cid(1).key, 0)
    bench.want(cid(1))
    expect(bench.told('a')).toEqual(['block 1?'])
  })

  it('of an old peer is a want-block from the beginning', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(cid(1))
    expect(bench.told('a', false)).toEqual(['block 1'])
  })

  it('in another CID form is asked for when the first was denied', () => {
    const bench = new Bench()
    bench.connect('a')
    bench.want(cid(1), cid(1, 0x70))
    expect(bench.client.wantCount).toBe(1)
    expect(bench.client.compose('a', true, 0).map(({ cid: bytes }) => bytes[1])).toEqual([0x55])
    bench.answer('a', { dontHaves: [cid(1)] })
    const next = bench.client.compose('a', true, 0)
    expect(next.map(({ cid: bytes, cancel }) => [bytes[1], cancel])).toEqual([
      [0x55, true],
      [0x70, false]
    ])
  })

  it('goes out again after the stream broke, and when nothing came for 30 s', () => {
    const bench = new Bench({ simulateDontHave: false })
    bench.connect('a', 'b')
    bench.want(cid(1))
    bench.told('a')
    bench.client.laneReset('a')
    expect(bench.told('a')).toEqual(['have 1'])
    bench.pass(46_000)
    expect(bench.told('a')).toEqual(['have 1'])
  })
})

describe('a session', () => {
  it('asks its members for the block at once, and nobody else', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(cid(1))
    bench.answer('a', { blocks: [cid(1)] })
    bench.told('a')
    bench.told('b')
    bench.want(cid(2))
    expect(bench.told('a')).toEqual(['block 2?'])
    expect(bench.told('b')).toEqual([])
    bench.answer('a', { dontHaves: [cid(2)] })
    expect(bench.told('b')).toEqual(['have 2'])
  })

  it('spreads its wants over members by what they owe', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    for (const peer of ['a', 'b']) bench.client.addMember(bench.session, peer, 0)
    bench.want(...Array.from({ length: 10 }, (_, i) => cid(i)))
    expect(bench.told('a').length).toBe(5)
    expect(bench.told('b').length).toBe(5)
  })

  it('asks for no more than a window of bytes before it knows how fast a peer is', () => {
    const bench = new Bench()
    bench.connect('a')
    bench.want(...Array.from({ length: 100 }, (_, i) => cid(i)))
    expect(bench.told('a').length).toBe(8)
    bench.answer('a', { blocks: [cid(0), cid(1)] }, 256 * 1024)
    expect(bench.told('a').filter((entry) => entry.startsWith('block')).length).toBe(2)
  })

  it('gets room that others made free, in turn, without waiting for its tick', () => {
    const bench = new Bench()
    bench.connect('a')
    // One with many wants, then many with one: each announced head of a replicated log is a session of its own.
    bench.want(...Array.from({ length: 20 }, (_, i) => cid(i)))
    for (let number = 100; number < 106; number += 1) {
      bench.client.want(bench.client.openSession(everybody), cid(number), bench.nowMs)
    }
    const blocks = (): string[] => bench.told('a').filter((entry) => entry.startsWith('block'))
    expect(blocks().length).toBe(8)
    const asked: string[] = []
    for (let number = 0; number < 8; number += 1) {
      bench.answer('a', { blocks: [cid(number)] }, 256 * 1024)
      asked.push(...blocks())
    }
    expect(asked).toEqual(['8', '100', '101', '102', '103', '104', '105', '9'].map((number) => `block ${number}?`))
  })

  it('gets room at another peer that all together lacked', () => {
    const bench = new Bench({ maxInFlightBytes: 512 * 1024 })
    bench.connect('a', 'b')
    const one = bench.client.openSession(everybody)
    const other = bench.client.openSession(everybody)
    bench.client.addMember(one, 'a', 0)
    bench.client.addMember(other, 'b', 0)
    for (const number of [1, 2, 3]) bench.client.want(one, cid(number), 0)
    for (const number of [4, 5]) bench.client.want(other, cid(number), 0)
    expect(bench.told('a')).toEqual(['block 1?', 'block 2?'])
    expect(bench.told('b')).toEqual(['block 4?'])
    bench.answer('a', { blocks: [cid(1), cid(2)] }, 256 * 1024)
    expect(bench.told('a')).toContain('block 3?')
    bench.answer('a', { blocks: [cid(3)] }, 256 * 1024)
    expect(bench.told('b')).toEqual(['block 5?'])
  })

  it('without members asks for 64 blocks at a time', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...Array.from({ length: 100 }, (_, i) => cid(i)))
    expect(bench.told('a').length).toBe(64)
    bench.pass(1000)
    expect(bench.told('a').length).toBe(36)
  })

  it('of given peers asks nobody else', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    const session = bench.client.openSession({ broadcast: false, fixedPeers: true })
    bench.client.want(session, cid(1), 0)
    expect(bench.told('a')).toEqual([])
    bench.client.addMember(session, 'b', 0)
    expect(bench.told('b')).toEqual(['block 1?'])
    bench.answer('b', { dontHaves: [cid(1)] })
    bench.pass(5000)
    expect(bench.told('a')).toEqual([])
  })

  it('takes its wants back when it ends, but not those of others', () => {
    const bench = new Bench()
    bench.connect('a')
    const other = bench.client.openSession(everybody)
    bench.want(cid(1), cid(2))
    bench.client.want(other, cid(2), 0)
    bench.told('a')
    bench.client.closeSession(bench.session, 0)
    expect(bench.told('a')).toEqual(['cancel 1'])
    expect([...bench.client.wantlist()].map(({ forms }) => forms[0].key)).toEqual([cid(2).key])
  })

  it('has room for so many wants and no more', () => {
    const bench = new Bench({ queuedWantsPerSession: 2, ownWants: 3 })
    bench.want(cid(1), cid(2))
    expect(() => {
      bench.want(cid(3))
    }).toThrow('a session may have 2 wants')
    const other = bench.client.openSession(everybody)
    bench.client.want(other, cid(3), 0)
    expect(() => {
      bench.client.want(other, cid(4), 0)
    }).toThrow('there may be 3 wants')
  })
})

it('a peer holds no more wants than it remembers; those it denied make room', () => {
  const bench = new Bench({ maxWantsPerPeer: 3 })
  bench.connect('a')
  bench.want(cid(1), cid(2), cid(3), cid(4), cid(5))
  expect(bench.told('a')).toEqual(['block 1?', 'block 2?', 'block 3?'])
  expect(bench.client.outgoing('a')).toBe('none')
  bench.answer('a', { dontHaves: [cid(1), cid(2)] })
  expect(bench.told('a')).toEqual(['cancel 1', 'block 4?', 'cancel 2', 'block 5?'])
})

it('a block is looked at only when something of its kind was asked of its sender', () => {
  const bench = new Bench()
  bench.connect('a', 'b')
  expect(bench.client.expects('a', 0x12, 32, 0)).toBe(false)
  bench.client.addMember(bench.session, 'a', 0)
  bench.want(cid(1))
  bench.told('a')
  expect(bench.client.expects('a', 0x12, 32, 0)).toBe(true)
  expect(bench.client.expects('a', 0x13, 64, 0)).toBe(false)
  expect(bench.client.expects('b', 0x12, 32, 0)).toBe(false)
  expect(bench.client.expects('nobody', 0x12, 32, 0)).toBe(false)
})

it('a block that came from here ends the want everywhere', () => {
  const bench = new Bench()
  bench.connect('a')
  bench.want(cid(1))
  bench.told('a')
  bench.client.localBlocks([cid(1).key], 0)
  expect(bench.told('a')).toEqual(['cancel 1'])
  expect(bench.client.busy).toBe(false)
})
