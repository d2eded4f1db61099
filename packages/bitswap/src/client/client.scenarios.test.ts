/** The scenarios of boxo's client components, each under the name that it has there. @see bitswap.md §5.3 */
import { describe, expect, it } from 'vitest'
import { Bench, cid, everybody } from './client-bench.fixture.ts'

const cids = (from: number, count: number): ReturnType<typeof cid>[] =>
  Array.from({ length: count }, (_, index) => cid(from + index))

/** Two members that both know nothing of the wants. */
function members(...names: string[]): Bench {
  const bench = new Bench()
  bench.connect(...names)
  for (const name of names) bench.client.addMember(bench.session, name, 0)
  return bench
}

const wanted = ({ client }: Bench): number => client.wantCount

describe('sessioninterestmanager', () => {
  it('Empty: nobody is interested', () => {
    const bench = new Bench()
    bench.connect('a')
    expect(bench.answer('a', { blocks: [cid(1)] })).toBe(0)
    expect(wanted(bench)).toBe(0)
  })

  it('Basic, InterestedSessions: sessions that want the same share the want', () => {
    const bench = new Bench()
    const other = bench.client.openSession(everybody)
    bench.want(cid(1), cid(2))
    bench.client.want(other, cid(2), 0)
    bench.client.want(other, cid(3), 0)
    expect(wanted(bench)).toBe(3)
    bench.connect('a', 'b')
    bench.answer('a', { haves: [cid(2)] })
    expect([bench.session, other].map(({ members: known }) => [...known.keys()])).toEqual([['a'], ['a']])
    bench.answer('b', { haves: [cid(3)] })
    expect([...bench.session.members.keys()]).toEqual(['a'])
  })

  it('RemoveSession, RemoveSessionInterested: only what nobody else wants is taken back', () => {
    const bench = new Bench()
    bench.connect('a')
    const other = bench.client.openSession(everybody)
    bench.want(cid(1), cid(2))
    bench.client.want(other, cid(2), 0)
    bench.told('a')
    bench.client.closeSession(bench.session, 0)
    expect(bench.told('a')).toEqual(['cancel 1'])
    bench.client.closeSession(other, 0)
    expect(bench.told('a')).toEqual(['cancel 2'])
    expect(wanted(bench)).toBe(0)
  })

  it('SplitWantedUnwanted: what is wanted changes with the sessions, not with those that only were interested', () => {
    const bench = new Bench()
    bench.connect('a')
    const other = bench.client.openSession(everybody)
    expect(bench.answer('a', { blocks: [cid(1), cid(2)] })).toBe(0)
    bench.want(cid(1))
    expect(bench.answer('a', { blocks: [cid(2)] })).toBe(0)
    bench.client.want(other, cid(1), 0)
    bench.client.unwant(bench.session, cid(1).key, 0)
    expect(wanted(bench)).toBe(1)
    expect(bench.answer('a', { blocks: [cid(1), cid(2)] })).toBe(1)
    expect(bench.answer('a', { blocks: [cid(1)] })).toBe(0)
  })
})

describe('sessionmanager', () => {
  it('ReceiveFrom: interested sessions are told, and each peer gets one cancel', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    const other = bench.client.openSession(everybody)
    bench.want(cid(1))
    bench.client.want(other, cid(1), 0)
    bench.told('a')
    bench.told('b')
    expect(bench.answer('a', { blocks: [cid(1)] })).toBe(1)
    expect([bench.session, other].map(({ wants }) => wants.size)).toEqual([0, 0])
    expect([bench.told('a'), bench.told('b')]).toEqual([['cancel 1'], ['cancel 1']])
  })

  it('ReceiveBlocksWhenSessionContextCancelled: a closed session gets nothing, the other does', () => {
    const bench = new Bench()
    bench.connect('a')
    const other = bench.client.openSession(everybody)
    bench.want(cid(1))
    bench.client.want(other, cid(1), 0)
    bench.client.closeSession(bench.session, 0)
    expect(bench.answer('a', { blocks: [cid(1)] })).toBe(1)
    expect(bench.session.members.size).toBe(0)
    expect([...other.members]).toEqual([['a', 1]])
  })

  it('Shutdown, SessionReceiveMessageAfterClose: what comes after the end does no harm', () => {
    const bench = new Bench()
    bench.connect('a')
    bench.want(cid(1))
    bench.told('a')
    bench.client.closeSession(bench.session, 0)
    expect(bench.told('a')).toEqual(['cancel 1'])
    expect(bench.answer('a', { haves: [cid(1)], dontHaves: [cid(2)], blocks: [cid(1)] })).toBe(0)
    bench.pass(2000)
    expect(bench.told('a')).toEqual([])
    expect(bench.client.busy).toBe(false)
  })
})

describe('sessionWantSender', () => {
  it('SendWants: who said HAVE for one is asked for all', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...cids(1, 4))
    bench.told('a')
    bench.answer('a', { haves: [cid(1)] })
    expect(bench.told('a')).toEqual(['block 1?', 'block 2?', 'block 3?', 'block 4?'])
  })

  it('SendsWantBlockToOnePeerOnly: a block is asked of one peer at a time', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...cids(1, 4))
    bench.told('a')
    bench.told('b')
    bench.answer('a', { haves: [cid(1)] })
    expect(bench.told('a').length).toBe(4)
    bench.answer('b', { haves: cids(1, 4) })
    expect(bench.told('b')).toEqual([])
  })

  it('ReceiveBlock: after DONT_HAVE of the first, the second is asked for that block only', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...cids(1, 2))
    bench.told('a')
    bench.told('b')
    bench.answer('a', { haves: cids(1, 2) })
    bench.answer('b', { haves: cids(1, 2) })
    bench.told('a')
    bench.answer('a', { blocks: [cid(1)], dontHaves: [cid(2)] })
    expect(bench.told('b')).toEqual(['block 2?'])
  })

  it('CancelWants: cancels go to who was asked', () => {
    const bench = members('a')
    bench.connect('b')
    bench.want(...cids(1, 2))
    bench.told('a')
    bench.client.unwant(bench.session, cid(1).key, 0)
    expect([bench.told('a'), bench.told('b')]).toEqual([['cancel 1'], []])
  })

  it('RegisterSessionWithPeerManager: HAVE and block make a member', () => {
    const bench = new Bench()
    bench.connect('a', 'b', 'c')
    bench.want(...cids(1, 2))
    bench.answer('a', { haves: [cid(1)] })
    bench.answer('b', { blocks: [cid(2)] })
    bench.answer('c', { dontHaves: [cid(1)] })
    expect([...bench.session.members]).toEqual([
      ['a', 0],
      ['b', 1]
    ])
  })

  it('PeerUnavailable: what was asked of a peer that left is asked of the other', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...cids(1, 3))
    bench.answer('a', { haves: cids(1, 3) })
    expect(bench.told('a').length).toBe(3)
    bench.answer('b', { haves: cids(1, 3) })
    bench.client.peerDisconnected('a', 0)
    expect(bench.told('b').filter((entry) => entry.startsWith('block'))).toEqual(['block 1?', 'block 2?', 'block 3?'])
  })

  it('PeersExhausted, SessionOnPeersExhausted: what all members lack is asked of everybody, once', () => {
    const bench = members('a', 'b')
    bench.connect('c')
    bench.want(cid(1))
    const asked = bench.told('a').length === 1 ? ['a', 'b'] : ['b', 'a']
    for (const [index, name] of asked.entries()) {
      expect(bench.told('c')).toEqual([])
      if (index > 0) expect(bench.told(name)).toEqual(['block 1?'])
      bench.answer(name, { dontHaves: [cid(1)] })
    }
    expect(bench.told('c')).toEqual(['have 1'])
    bench.answer('a', { dontHaves: [cid(1)] })
    expect(bench.told('c')).toEqual([])
  })

  it('PeersExhaustedLastWaitingPeerUnavailable: also when the last that could have it leaves', () => {
    const bench = members('a', 'b')
    bench.connect('c')
    bench.want(cid(1))
    const [first, second] = bench.told('a').length === 1 ? (['a', 'b'] as const) : (['b', 'a'] as const)
    bench.answer(first, { dontHaves: [cid(1)] })
    bench.client.peerDisconnected(second, 0)
    expect(bench.told('c')).toEqual(['have 1'])
  })

  it('PeersExhaustedAllPeersUnavailable: or when all members leave', () => {
    const bench = members('a', 'b')
    bench.connect('c', 'd')
    bench.want(...cids(1, 3))
    bench.client.peerDisconnected('a', 0)
    bench.client.peerDisconnected('b', 0)
    for (const name of ['c', 'd']) expect(bench.told(name).sort()).toEqual(['have 1', 'have 2', 'have 3'])
  })
})

describe('session', () => {
  it('SessionGetBlocks: 64 at a time are asked of everybody; who has one is asked for the rest', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...cids(1, 70))
    expect(bench.told('a').length).toBe(64)
    bench.answer('a', { haves: [cid(1)] })
    expect(bench.session.members.has('a')).toBe(true)
    expect(bench.answer('a', { blocks: cids(1, 70) })).toBe(70)
    expect(wanted(bench)).toBe(0)
    bench.client.closeSession(bench.session, 0)
    expect(bench.client.busy).toBe(false)
  })

  it('SessionFindMorePeers: a peer that is idle gives way to others after the tick', () => {
    const bench = members('a')
    bench.connect('b')
    bench.want(cid(1))
    bench.told('a')
    bench.answer('a', { dontHaves: [cid(1)] })
    expect(bench.told('b')).toEqual(['have 1'])
    bench.connect('c')
    expect(bench.told('c')).toEqual(['have 1'])
  })

  it('SessionFailingToGetFirstBlock: goes on asking, in turn, as long as nobody answers', () => {
    const bench = new Bench({ simulateDontHave: false })
    bench.connect('a', 'b')
    bench.want(...cids(1, 130))
    const rounds = [bench.told('a').length]
    for (let tick = 1; tick <= 3; tick += 1) {
      bench.pass(1000 * tick)
      rounds.push(bench.told('a').length)
    }
    expect(rounds).toEqual([64, 64, 2, 0])
  })
})

describe('peermanager', () => {
  it('AddingAndRemovingPeers, BroadcastOnConnect: a new peer is told all that everybody was told', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(...cids(1, 3))
    bench.client.peerDisconnected('a', 0)
    bench.connect('c')
    expect(bench.told('c')).toEqual(['have 1', 'have 2', 'have 3'])
    expect(bench.told('a')).toEqual([])
  })

  it('BroadcastWantHaves, PWMBroadcastWantHaves: nobody is told twice, and not after a want-block', () => {
    const bench = new Bench()
    bench.connect('a', 'b')
    bench.want(cid(1))
    bench.told('a')
    bench.answer('a', { haves: [cid(1)] })
    const other = bench.client.openSession(everybody)
    bench.client.want(other, cid(1), 0)
    expect(bench.told('a')).toEqual(['block 1?'])
    expect(bench.told('b')).toEqual(['have 1'])
    bench.client.want(other, cid(1), 0)
    expect([bench.told('a'), bench.told('b')]).toEqual([[], []])
  })

  it('SendCancels, PWMSendCancels: a cancel goes only to who was sent the want', () => {
    const bench = new Bench()
    bench.connect('a', 'b', 'c')
    bench.want(...cids(1, 2))
    bench.told('a')
    bench.client.unwant(bench.session, cid(1).key, 0)
    expect([bench.told('a'), bench.told('b')]).toEqual([['cancel 1'], ['have 2']])
    bench.client.unwant(bench.session, cid(2).key, 0)
    expect([bench.told('a'), bench.told('b'), bench.told('c')]).toEqual([['cancel 2'], ['cancel 2'], []])
  })

  it('Stats: the want list follows wants, answers and peers', () => {
    const bench = new Bench()
    const list = (): [string, boolean, number][] =>
      [...bench.client.wantlist()].map(({ type, broadcast, askedPeers }) => [type, broadcast, askedPeers])
    bench.connect('a', 'b')
    bench.want(cid(1))
    expect(list()).toEqual([['have', true, 2]])
    bench.told('a')
    bench.told('b')
    bench.answer('a', { haves: [cid(1)] })
    bench.told('a')
    expect(list()).toEqual([['block', true, 2]])
    bench.client.peerDisconnected('a', 0)
    expect(list()).toEqual([['block', true, 1]])
    bench.client.peerDisconnected('b', 0)
    expect(list()).toEqual([['have', true, 0]])
    bench.client.unwant(bench.session, cid(1).key, 0)
    expect(list()).toEqual([])
  })
})
