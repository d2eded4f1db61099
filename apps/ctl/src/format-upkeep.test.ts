import type { Explanation, Metric, Move } from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { formatExplanation, formatMove, formatService } from './format-upkeep.ts'

const cid = CID.parse('QmXvQLhK2heNz65fWRabTfbzXwYfaBgEBuTdUJNzp69Xjx')
const a = peerIdFromString('12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6')
const b = peerIdFromString('12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo')

describe('text output', () => {
  it('of a decision about a peer', () => {
    expect(
      formatService({ peer: a, peername: 'one', state: 'draining', since: 1_700_000_000_000_000_000n, by: b })
    ).toBe(`${a.toString()} | one | DRAINING | since 2023-11-14T22:13:20Z | decided at ${b.toString()}\n`)
  })

  it('of a move', () => {
    const move: Move = { cid, name: 'docs', add: [a], drop: [b], state: 'waiting', reason: '1 lost', error: 'slow' }
    expect(formatMove(move)).toBe(
      `${cid.toString()} | docs | WAITING: slow | +${a.toString()} -${b.toString()} | 1 lost\n`
    )
    expect(formatMove({ ...move, name: '', drop: [], state: 'moved', error: '' })).toBe(
      `${cid.toString()} | MOVED | +${a.toString()} | 1 lost\n`
    )
  })

  it('of an explanation', () => {
    const metric: Metric = {
      name: 'freespace',
      peer: a,
      value: '9996999247',
      expire: 0n,
      valid: true,
      weight: 500n,
      partitionable: false,
      receivedAt: 0n
    }
    const explanation: Explanation = {
      cid,
      replicationFactorMin: 1,
      replicationFactorMax: 2,
      current: [],
      allocations: [a],
      error: '',
      peers: [
        {
          peer: a,
          peername: 'one',
          verdict: 'candidate',
          chosen: true,
          place: 0,
          reason: 'freespace 9996999247 is best',
          metrics: [metric]
        },
        { peer: b, peername: 'two', verdict: 'cordoned', chosen: false, place: -1, reason: 'cordoned', metrics: [] }
      ]
    }
    expect(formatExplanation(explanation)).toBe(
      [
        `${cid.toString()} with 1 to 2 copies: would be held by 1 peer`,
        '  * one                  candidate  freespace=10 GB',
        '      freespace 10 GB is best',
        '    two                  cordoned   -',
        '      cordoned',
        ''
      ].join('\n')
    )
    expect(formatExplanation({ ...explanation, cid: undefined, allocations: [], peers: [] })).toBe(
      'a pin with 1 to 2 copies: every peer holds it\n'
    )
    expect(formatExplanation({ ...explanation, error: 'too few', peers: [] })).toContain('cannot be allocated: too few')
  })
})
