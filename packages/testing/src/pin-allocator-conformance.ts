import type { AllocationRound, Metric, PeerMetrics, PinAllocator } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { testPeerId } from './test-peer-id.ts'

/**
 * What every {@link PinAllocator} must do. Call it at the top of a test file.
 *
 * @param create - gives a new allocator on each call
 */
export function pinAllocatorConformance(name: string, create: () => PinAllocator): void {
  describe(`${name} as PinAllocator`, () => {
    it('says which metrics it needs, each once', () => {
      const { metrics } = create()
      expect(new Set(metrics).size).toBe(metrics.length)
    })

    it('ranks all priority peers, then all candidates, each once, and no current ones', () => {
      const allocator = create()
      const round = sampleRound(allocator.metrics)
      const ranked = allocator.allocate(round).map(String)
      const { length } = round.priority
      expect(ranked.slice(0, length).sort()).toEqual(namesOf(round.priority))
      expect(ranked.slice(length).sort()).toEqual(namesOf(round.candidates))
    })

    it('gives the same ranking for the same round, whatever order the peers come in', () => {
      const allocator = create()
      const round = sampleRound(allocator.metrics)
      const ranked = allocator.allocate(round).map(String)
      const turned: AllocationRound = {
        current: round.current.toReversed(),
        candidates: round.candidates.toReversed(),
        priority: round.priority.toReversed()
      }
      expect(allocator.allocate(round).map(String)).toEqual(ranked)
      expect(allocator.allocate(turned).map(String)).toEqual(ranked)
      expect(create().allocate(round).map(String)).toEqual(ranked)
    })

    it('does not touch what it is given', () => {
      const allocator = create()
      const round = sampleRound(allocator.metrics)
      const { current, candidates, priority } = round
      const frozen = { current, candidates: Object.freeze([...candidates]), priority: Object.freeze([...priority]) }
      expect(allocator.allocate(frozen).map(String)).toEqual(allocator.allocate(round).map(String))
    })

    it('explains exactly the ranking that it gives, when it explains at all', ({ skip }) => {
      const allocator = create()
      if (allocator.explain === undefined) skip('it does not explain')
      const round = sampleRound(allocator.metrics)
      const lacking = { peer: testPeerId(99), metrics: new Map<string, Metric>() }
      const wider = { ...round, candidates: [lacking, ...round.candidates] }
      const explained = allocator.explain?.(wider) ?? []
      const ranked = explained.filter(({ place }) => place !== undefined)
      expect(explained.slice(0, ranked.length)).toEqual(ranked)
      expect(ranked.map(({ place }) => place)).toEqual(ranked.map((_, index) => index))
      expect(ranked.map(({ peer }) => peer.toString())).toEqual(allocator.allocate(wider).map(String))
      expect(namesOf(explained)).toEqual([...namesOf(wider.candidates), ...namesOf(wider.priority)].sort())
      for (const { peer, from, reason } of explained) {
        expect(wider[from].some((entry) => entry.peer.equals(peer))).toBe(true)
        expect(reason).not.toBe('')
      }
    })

    it('ranks nobody when there is nobody', () => {
      const nobody = { current: [], candidates: [], priority: [] }
      expect(create().allocate(nobody)).toEqual([])
      expect(create().explain?.(nobody) ?? []).toEqual([])
    })
  })
}

function sampleRound(names: readonly string[]): AllocationRound {
  const peers = Array.from({ length: 12 }, (_, index) => samplePeer(index, names))
  return { current: peers.slice(0, 2), priority: peers.slice(2, 5), candidates: peers.slice(5) }
}

/** Few distinct values and weights, so that ties occur. */
function samplePeer(index: number, names: readonly string[]): PeerMetrics {
  const peer = testPeerId(index)
  const metrics = names.map((name, at): [string, Metric] => {
    const weight = BigInt((index * 7 + at) % 4)
    const partitionable = at < names.length - 1
    const value = `value-${(index + at) % 3}`
    return [name, { name, peer, value, weight, partitionable, valid: true, expire: 2n ** 62n, receivedAt: 0n }]
  })
  return { peer, metrics: new Map(metrics) }
}

function namesOf(peers: readonly { readonly peer: PeerId }[]): string[] {
  return peers.map(({ peer }) => peer.toString()).sort()
}
