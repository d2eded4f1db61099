import { testPeerId } from '@cluster/testing'
import type { Metric, PeerMetrics } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { explain } from './explain.ts'
import { order } from './order.ts'
import { partition, type Partition } from './partition.ts'

const NAMES = ['a', 'b', 'c']

const metricOf = (peer: PeerId) => (name: string) =>
  fc.record({
    name: fc.constant(name),
    peer: fc.constant(peer),
    value: fc.constantFrom('x', 'y', 'z'),
    weight: fc.bigInt(-2n, 2n),
    partitionable: fc.boolean(),
    valid: fc.constant(true),
    expire: fc.constant(0n),
    receivedAt: fc.constant(0n)
  }) satisfies fc.Arbitrary<Metric>

/** Up to 12 peers; each lacks a metric now and then. */
const peers = fc.nat({ max: 12 }).chain((count) =>
  fc.tuple(
    ...Array.from({ length: count }, (_, index) => {
      const peer = testPeerId(index)
      const metrics = fc.tuple(...NAMES.map((name) => fc.option(metricOf(peer)(name), { nil: undefined, freq: 8 })))
      return metrics.map((list): PeerMetrics => {
        const present = list.filter((metric) => metric !== undefined)
        return { peer, metrics: new Map(present.map((metric) => [metric.name, metric])) }
      })
    })
  )
)

/** `next(level)` of behaviours.md §2.1.1 to the letter: a cursor and an `exhausted` flag per level. */
class Level {
  readonly #partitions: readonly (Partition & { sub: Level | undefined; unused: PeerId[] })[]
  #cursor = 0
  #exhausted = false

  constructor(level: readonly Partition[]) {
    this.#partitions = level.map((part) => ({
      ...part,
      sub: part.below === undefined ? undefined : new Level(part.below),
      unused: part.inTurn.map(({ peer }) => peer)
    }))
  }

  next(): PeerId | undefined {
    if (this.#exhausted) return undefined
    for (let tries = 0; tries < this.#partitions.length; tries++) {
      const part = this.#partitions[this.#cursor]
      const peer = part?.sub === undefined ? part?.unused.shift() : part.sub.next()
      this.#cursor = (this.#cursor + 1) % this.#partitions.length
      if (peer !== undefined) return peer
    }
    this.#exhausted = true
    return undefined
  }
}

it('orders as the cursor procedure of the specification does', () => {
  fc.assert(
    fc.property(peers, fc.integer({ min: 1, max: NAMES.length }), (set, depth) => {
      const level = partition(set, NAMES.slice(0, depth))
      const oracle = new Level(level)
      const wanted: string[] = []
      for (let peer = oracle.next(); peer !== undefined; peer = oracle.next()) wanted.push(peer.toString())
      expect([...order(level)].map(String)).toEqual(wanted)
    }),
    { numRuns: 300 }
  )
})

it('ranks exactly the peers that have every metric', () => {
  fc.assert(
    fc.property(peers, (set) => {
      const complete = set.filter(({ metrics }) => NAMES.every((name) => metrics.has(name)))
      const ranked = [...order(partition(set, NAMES))].map(String)
      expect(ranked.toSorted()).toEqual(complete.map(({ peer }) => peer.toString()).sort())
    })
  )
})

it('explains the places that it gives, with one step for each metric', () => {
  fc.assert(
    fc.property(peers, fc.integer({ min: 1, max: NAMES.length }), (set, depth) => {
      const names = NAMES.slice(0, depth)
      const explained = explain({ from: 'candidates', peers: set, names, before: 7 })
      const ranked = explained.filter(({ place }) => place !== undefined)
      expect(ranked.map(({ peer }) => peer.toString())).toEqual([...order(partition(set, names))].map(String))
      expect(ranked.map(({ place }) => place)).toEqual(ranked.map((_, index) => index + 7))
      expect(explained).toHaveLength(set.length)
      for (const { steps } of ranked) expect(steps.map(({ metric }) => metric)).toEqual(names)
    })
  )
})
