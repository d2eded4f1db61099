/** The scenarios of boxo's block presence, each under the name that it has there. @see bitswap.md §5.3 */
import { describe, expect, it } from 'vitest'
import { BlockPresence } from './block-presence.ts'
import { cid } from './client-bench.fixture.ts'

const rank = (presence: BlockPresence, peer: string, number: number, nowMs = 0): string =>
  presence.rank(peer, cid(number).key, [cid(number)], nowMs)

describe('blockpresencemanager', () => {
  it('BlockPresenceManager: the last answer counts, until it is forgotten', () => {
    const presence = new BlockPresence()
    expect(rank(presence, 'a', 1)).toBe('unknown')
    presence.denied('a', cid(1))
    expect(rank(presence, 'a', 1)).toBe('no')
    presence.have('a', cid(1).key)
    expect(rank(presence, 'a', 1)).toBe('have')
    presence.forgetBlock(cid(1).key)
    expect(rank(presence, 'a', 1)).toBe('unknown')
  })

  it('AddRemoveMulti: peers and blocks are kept apart', () => {
    const presence = new BlockPresence()
    presence.have('a', cid(1).key)
    presence.denied('a', cid(2))
    presence.denied('b', cid(1))
    const all = (): string[] => ['a', 'b'].flatMap((peer) => [1, 2].map((number) => rank(presence, peer, number)))
    expect(all()).toEqual(['have', 'no', 'no', 'unknown'])
    presence.forgetPeer('a')
    expect(all()).toEqual(['unknown', 'unknown', 'no', 'unknown'])
  })

  it('AllPeersDoNotHaveBlock: a DONT_HAVE is of one form of the CID', () => {
    const presence = new BlockPresence()
    const forms = [cid(1), cid(1, 0x70)] as const
    const [raw, dagPb] = forms
    presence.denied('a', raw)
    expect(presence.rank('a', raw.key, forms, 0)).toBe('unknown')
    expect(presence.form('a', raw.key, [raw, dagPb])).toBe(dagPb)
    presence.denied('a', dagPb)
    expect(presence.rank('a', raw.key, forms, 0)).toBe('no')
  })

  it('asks a silent peer again after 1, 2, 4 … 30 s', () => {
    const presence = new BlockPresence()
    const waits: number[] = []
    for (let silence = 0; silence < 7; silence += 1) {
      presence.silent('a', cid(1).key, 0)
      let ms = 0
      while (rank(presence, 'a', 1, ms) === 'no') ms += 1000
      waits.push(ms / 1000)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30])
  })
})
