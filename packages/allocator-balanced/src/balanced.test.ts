import type { Metric, PeerMetrics } from '@cluster/api'
import { pinAllocatorConformance, testPeerId } from '@cluster/testing'
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

function ranking(
  allocateBy: readonly string[],
  candidates: Readonly<Record<string, Values>>,
  priority: Readonly<Record<string, Values>> = {}
): string[] {
  const names = new Map<string, string>()
  const peersOf = (set: Readonly<Record<string, Values>>): PeerMetrics[] =>
    Object.entries(set).map(([name, values]) => {
      const peer = peerOf(name, values)
      names.set(peer.peer.toString(), name)
      return peer
    })
  const round = { current: [], candidates: peersOf(candidates), priority: peersOf(priority) }
  const ranked = balancedAllocator({ allocateBy }).allocate(round)
  return ranked.map((peer) => names.get(peer.toString()) ?? 'unknown')
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
