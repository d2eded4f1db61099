import fc from 'fast-check'
import { pinOf, type Pin } from '@cluster/api'
import { testCid, testPeerId } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { planRebalance, type Scale } from './plan-rebalance.ts'

const peers = Array.from({ length: 6 }, (_, index) => testPeerId(index))
const factors = { replicationFactorMin: 1, replicationFactorMax: 3 }
const pinAt = (index: number, holders: readonly number[]): Pin => ({
  ...pinOf(testCid(index), factors),
  allocations: holders.flatMap((holder) => peers[holder] ?? [])
})
const scalesOf = (groups: readonly string[]): Scale[] =>
  groups.flatMap((group, index) => {
    const peer = peers[index]
    return peer === undefined ? [] : [{ peer, groups: [group] }]
  })

/** Who holds each pin after the moves. */
function run(pins: readonly Pin[], scales: readonly Scale[]): { pins: Pin[]; moves: number; loads: number[] } {
  const rebalancing = planRebalance(scales)
  for (const pin of pins) rebalancing.count(pin)
  let moves = 0
  const after = pins.map((pin) => {
    const change = rebalancing.plan(pin)
    if (change === undefined) return pin
    moves += 1
    const stay = (pin.allocations ?? []).filter((peer) => !change.drop.some((other) => other.equals(peer)))
    return { ...pin, allocations: [...stay, ...change.add] }
  })
  return { pins: after, moves, loads: loadsOf(after, scales) }
}

function loadsOf(pins: readonly Pin[], scales: readonly Scale[]): number[] {
  return scales.map(
    ({ peer }) => pins.filter(({ allocations }) => allocations?.some((holder) => holder.equals(peer)) === true).length
  )
}

describe('rebalancing', () => {
  it('fills an empty peer, and moves no more than that needs', () => {
    const pins = Array.from({ length: 90 }, (_, index) => pinAt(index, [index % 2]))
    const { loads, moves } = run(pins, scalesOf(['g', 'g', 'g']))
    expect(loads).toEqual([30, 30, 30])
    expect(moves).toBe(30)
  })

  it('leaves a balanced cluster alone', () => {
    const pins = Array.from({ length: 100 }, (_, index) => pinAt(index, [index % 3]))
    expect(run(pins, scalesOf(['g', 'g', 'g'])).moves).toBe(0)
  })

  it('never puts copies of a pin into fewer groups', () => {
    const pins = Array.from({ length: 40 }, (_, index) => pinAt(index, [0, 1]))
    const scales = scalesOf(['a', 'b', 'a', 'a'])
    const { pins: after, loads } = run(pins, scales)
    for (const { allocations } of after) {
      const groups = new Set((allocations ?? []).map((peer) => scales.find((s) => s.peer.equals(peer))?.groups[0]))
      expect(groups.size).toBe(2)
    }
    expect(loads).toEqual([14, 40, 13, 13])
  })

  it('leaves pins alone that a peer holds which takes no part', () => {
    expect(run([pinAt(1, [0, 5]), pinAt(2, [0]), pinAt(3, [0])], scalesOf(['g', 'g'])).moves).toBe(1)
  })

  it('never makes it worse, and loses no copy', () => {
    const holders = fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(holders, { maxLength: 60 }), (all) => {
        const pins = all.map((some, index) => pinAt(index, some))
        const scales = scalesOf(['a', 'a', 'a', 'a'])
        const first = run(pins, scales)
        const range = (loads: readonly number[]): number => Math.max(...loads) - Math.min(...loads)
        expect(range(first.loads)).toBeLessThanOrEqual(range(loadsOf(pins, scales)))
        expect(first.pins.map(({ allocations }) => new Set(allocations?.map(String)).size)).toEqual(
          all.map((some) => some.length)
        )
      })
    )
  })
})
