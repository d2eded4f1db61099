import type { AllocationRound, Metric, PeerMetrics } from '@cluster/api'
import { pinAllocatorConformance, testCid, testPeerId } from '@cluster/testing'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { balancedAllocator } from './balanced.ts'

type Values = Readonly<Record<string, string | readonly [value: string, weight: number]>>

/** A peer by its name and metrics: a bare value is partitionable with weight 0, `[value, weight]` is not partitionable. */
function peerOf(name: string, values: Values): PeerMetrics {
  const peer = testPeerId(Number.parseInt(name, 36))
  const metrics = Object.entries(values).map(([metric, given]): [string, Metric] => {
    const [value, weight] = typeof given === 'string' ? [given, 0] : given
    return [
      metric,
      {
        name: metric,
        peer,
        value,
        weight: BigInt(weight),
        partitionable: typeof given === 'string',
        valid: true,
        expire: 0n,
        receivedAt: 0n
      }
    ]
  })
  return { peer, metrics: new Map(metrics) }
}

const free = (bytes: number): readonly [string, number] => [String(bytes), bytes]

interface NamedRound {
  readonly round: AllocationRound
  readonly nameOf: (peer: PeerId) => string
}

function roundOf(
  candidates: Readonly<Record<string, Values>>,
  priority: Readonly<Record<string, Values>> = {}
): NamedRound {
  const names = new Map<string, string>()
  const peersOf = (set: Readonly<Record<string, Values>>): PeerMetrics[] =>
    Object.entries(set).map(([name, values]) => {
      const peer = peerOf(name, values)
      names.set(peer.peer.toString(), name)
      return peer
    })
  const round = { current: [], candidates: peersOf(candidates), priority: peersOf(priority) }
  return { round, nameOf: (peer) => names.get(peer.toString()) ?? 'unknown' }
}

function ranking(
  allocateBy: readonly string[],
  candidates: Readonly<Record<string, Values>>,
  priority: Readonly<Record<string, Values>> = {}
): string[] {
  const { round, nameOf } = roundOf(candidates, priority)
  return balancedAllocator({ allocateBy }).allocate(round).map(nameOf)
}

pinAllocatorConformance('balanced', () => balancedAllocator({ allocateBy: ['tag:group', 'freespace'] }))

describe('worked examples of behaviours.md §2.1', () => {
  it('AL-1, example 1: regions, zones, queues, space', () => {
    const at = (region: string, az: string, pinqueue: string, freespace: number): Values => {
      return { region, az, pinqueue, freespace: free(freespace), abc: ['7', 10_000] }
    }
    const ranked = ranking(['region', 'az', 'pinqueue', 'freespace'], {
      P1: at('a-us', 'us1', '100', 100),
      P2: at('a-us', 'us2', '200', 500),
      P3: at('b-eu', 'eu1', '100', 200),
      P4: at('b-eu', 'eu1', '200', 400),
      P5: at('b-eu', 'eu2', '300', 10),
      P6: at('c-au', 'au1', '100', 50),
      P7: { ...at('c-au', 'au1', '1000', 600), pinqueue: ['1000', -1] },
      P8: { region: 'c-au', freespace: free(10_000) }
    })
    expect(ranked).toEqual(['P6', 'P4', 'P2', 'P7', 'P5', 'P1', 'P3'])
  })

  it('example 2: one of each group first, the group with more space before the other', () => {
    const ranked = ranking(['tag:group', 'freespace'], {
      A: { 'tag:group': 'g1', freespace: free(100) },
      B: { 'tag:group': 'g1', freespace: free(50) },
      C: { 'tag:group': 'g2', freespace: free(90) },
      D: { 'tag:group': 'g2', freespace: free(80) }
    })
    expect(ranked).toEqual(['C', 'A', 'D', 'B'])
  })

  it('example 3: a queue that is not partitionable only sorts, groups are not balanced', () => {
    const ranked = ranking(['pinqueue', 'tag:group', 'freespace'], {
      A: { pinqueue: ['9', -1], 'tag:group': 'g1', freespace: free(900) },
      B: { pinqueue: ['3', 0], 'tag:group': 'g1', freespace: free(10) },
      C: { pinqueue: ['2', 0], 'tag:group': 'g1', freespace: free(30) },
      D: { pinqueue: ['1', 0], 'tag:group': 'g2', freespace: free(20) }
    })
    expect(ranked).toEqual(['C', 'D', 'B', 'A'])
  })

  it('example 4: peers that the user asked for come first, each set in its own order', () => {
    const at = (freespace: number): Values => ({ 'tag:group': 'default', freespace: free(freespace) })
    const ranked = ranking(['tag:group', 'freespace'], { C1: at(10), C2: at(20) }, { U1: at(1), U2: at(5) })
    expect(ranked).toEqual(['U2', 'U1', 'C2', 'C1'])
  })
})

describe('balanced', () => {
  it('sorts by value as bytes when weights tie, so "10" comes before "9"', () => {
    const ranked = ranking(['numpin'], { A: { numpin: ['9', 0] }, B: { numpin: ['10', 0] } })
    expect(ranked).toEqual(['B', 'A'])
    // UTF-16 would put the astral character first
    expect(ranking(['t'], { A: { t: '\u{1f600}' }, B: { t: '\uffee' } })).toEqual(['B', 'A'])
  })

  it('breaks all other ties by the bytes of the peer ID, not by its text', () => {
    const names = Array.from({ length: 20 }, (_, i) => (i + 10).toString(36))
    const sorted = names.toSorted((a, b) =>
      Buffer.compare(peerOf(a, {}).peer.toMultihash().bytes, peerOf(b, {}).peer.toMultihash().bytes)
    )
    const same = (value: Values[string]): Record<string, Values> =>
      Object.fromEntries(names.map((name) => [name, { x: value }]))
    expect(ranking(['x'], same('v'))).toEqual(sorted)
    expect(ranking(['x'], same(['v', 1]))).toEqual(sorted)
  })

  it('lets peers that nothing tells apart share the load of many CIDs, and is the same for each', () => {
    const peers = Array.from({ length: 5 }, (_, i) => i.toString())
    const { round, nameOf } = roundOf(Object.fromEntries(peers.map((name) => [name, { 'tag:group': 'g' }])))
    const allocator = balancedAllocator({ allocateBy: ['tag:group'] })
    const first = new Map(peers.map((name) => [name, 0]))
    for (let n = 0; n < 1000; n++) {
      const ofCid = { ...round, cid: testCid(n) }
      const ranked = allocator.allocate(ofCid).map(nameOf)
      expect(ranked.toSorted()).toEqual(peers)
      expect(allocator.explain(ofCid).map(({ peer }) => nameOf(peer))).toEqual(ranked)
      first.set(ranked[0] ?? '', (first.get(ranked[0] ?? '') ?? 0) + 1)
    }
    for (const count of first.values()) expect(count).toBeGreaterThan(150)
  })

  it('adds weights beyond 2^53 exactly', () => {
    const big = (last: bigint): PeerMetrics => {
      const peer = testPeerId(Number(last))
      const metric = { name: 'x', peer, value: 'v', weight: 2n ** 60n + last, partitionable: false }
      return { peer, metrics: new Map([['x', { ...metric, valid: true, expire: 0n, receivedAt: 0n }]]) }
    }
    const candidates = [1n, 3n, 2n].map(big)
    const ranked = balancedAllocator({ allocateBy: ['x'] }).allocate({ current: [], candidates, priority: [] })
    expect(ranked.map(String)).toEqual([3, 2, 1].map((index) => testPeerId(index).toString()))
  })
})

describe('explain', () => {
  const reasons = (allocateBy: readonly string[], ...sets: Parameters<typeof roundOf>): string[] => {
    const { round, nameOf } = roundOf(...sets)
    return balancedAllocator({ allocateBy })
      .explain(round)
      .map(({ peer, reason }) => `${nameOf(peer)} ${reason}`)
  }

  it('says how groups and space led to each place, and what a peer lacks', () => {
    const lines = reasons(['tag:group', 'freespace'], {
      A: { 'tag:group': 'g1', freespace: free(100) },
      B: { 'tag:group': 'g1', freespace: free(50) },
      C: { 'tag:group': 'g2', freespace: free(90) },
      D: { 'tag:group': 'g2', freespace: free(80) },
      E: { freespace: free(80) }
    })
    const turns = '; the 2 give one peer each in turn'
    const g1 = `tag:group g1 is 2nd of 2 (equal weight, but all below weighs 150, less than 170 of the 1st, g2${turns})`
    const g2 = `tag:group g2 is 1st of 2 (the best${turns})`
    expect(lines).toEqual([
      `C 1st: ${g2}; then freespace 90 is 1st of 2 (the best)`,
      `A 2nd: ${g1}; then freespace 100 is 1st of 2 (the best)`,
      `D 3rd: ${g2}; then freespace 80 is 2nd of 2 (weight 80 is less than 90 of the 1st, 90)`,
      `B 4th: ${g1}; then freespace 50 is 2nd of 2 (weight 50 is less than 100 of the 1st, 100)`,
      'E not ranked: it has no metric tag:group'
    ])
  })

  it('says that a peer was asked for, and what decides between equals', () => {
    const lines = reasons(
      ['zone', 'x'],
      { C1: { zone: 'a', x: ['v', 9] } },
      { U1: { x: 'v' }, U2: { zone: 'b', x: 'v' } }
    )
    expect(lines).toEqual([
      'U2 1st: asked for, so before all others; zone b is 1st of 1 (the best); then x v is 1st of 1 (the best)',
      'C1 2nd: zone a is 1st of 1 (the best); then x v is 1st of 1 (the best)',
      'U1 not ranked: it has no metric zone'
    ])
    const equals = reasons(['zone'], { A: { zone: 'a' }, B: { zone: 'b' }, C: { zone: ['b', 0] }, D: { zone: 'a' } })
    expect(equals.map((line) => line.slice(2)).sort()).toEqual([
      '1st: zone a is 1st of 3 (the best; the 3 give one peer each in turn; 1st of 2 peers that nothing else tells apart)',
      '2nd: zone b is 2nd of 3 (equal weights, by the order of values after the 1st, a; the 3 give one peer each in turn)',
      '3rd: zone b is 3rd of 3 (all equal, by the order of peer IDs after the 2nd, b; the 3 give one peer each in turn)',
      '4th: zone a is 1st of 3 (the best; the 3 give one peer each in turn; 2nd of 2 peers that nothing else tells apart)'
    ])
  })

  it('gives the steps as data', () => {
    const { round } = roundOf({ A: { x: ['v', 2] }, B: { x: ['w', 5] } })
    const [, second] = balancedAllocator({ allocateBy: ['x'] }).explain(round)
    const reason = 'weight 2 is less than 5 of the 1st, w'
    expect(second).toMatchObject({ from: 'candidates', place: 1 })
    expect(second?.steps).toEqual([{ metric: 'x', value: 'v', weight: 2n, place: 1, of: 2, reason }])
  })
})
