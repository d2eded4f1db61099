import fc from 'fast-check'
import { pinOf, type Pin } from '@cluster/api'
import { testCid, testPeerId } from '@cluster/testing'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { planRepair, type HolderState, type RepairView } from './plan-repair.ts'

const peers = Array.from({ length: 8 }, (_, index) => testPeerId(index))
const nameOf = (peer: PeerId): string => `P${peers.findIndex((other) => other.equals(peer))}`
const named = (some: readonly PeerId[] = []): string => some.map(nameOf).join(' ')

/** A pin with holders P0, P1, …, whose states are given; the free peers can take it, best first. */
function plan(min: number, max: number, states: readonly HolderState[], free: readonly number[] = []): unknown {
  const holders = peers.slice(0, states.length)
  const pin: Pin = {
    ...pinOf(testCid(1), { replicationFactorMin: min, replicationFactorMax: max }),
    allocations: holders
  }
  const view: RepairView = {
    stateOf: (peer) => states[holders.findIndex((other) => other.equals(peer))] ?? 'there',
    candidates: () => free.flatMap((index) => peers[index] ?? []),
    ranked: (_, some) => some
  }
  const change = planRepair(pin, view)
  return change === undefined
    ? undefined
    : { add: named(change.add), drop: named(change.drop), keep: named(change.keep), short: change.short }
}

describe('a plan of repair', () => {
  it('is none for a pin that is as it should be', () => {
    expect(plan(2, 2, ['there', 'there'], [7])).toBeUndefined()
    expect(plan(1, 3, ['there', 'there', 'there'], [7])).toBeUndefined()
    expect(plan(-1, -1, [], [7])).toBeUndefined()
  })

  it('tops up to the maximum, with what there is', () => {
    expect(plan(1, 3, ['there'], [5, 6, 7])).toEqual({ add: 'P5 P6', drop: '', keep: 'P0 P5 P6', short: 0 })
    expect(plan(1, 3, ['there'], [5])).toEqual({ add: 'P5', drop: '', keep: 'P0 P5', short: 0 })
    expect(plan(1, 3, ['there'])).toBeUndefined()
    expect(plan(2, 3, ['there'])).toEqual({ add: '', drop: '', keep: 'P0', short: 1 })
  })

  it('waits for a peer that is away for a short while', () => {
    expect(plan(2, 2, ['there', 'away'], [7])).toBeUndefined()
  })

  it('replaces a lost peer, and keeps it as long as nobody can take its place', () => {
    expect(plan(2, 2, ['there', 'lost'], [7])).toEqual({ add: 'P7', drop: 'P1', keep: 'P0 P7', short: 0 })
    expect(plan(1, 2, ['there', 'lost'])).toBeUndefined()
    expect(plan(2, 2, ['there', 'lost'])).toEqual({ add: '', drop: '', keep: 'P0', short: 1 })
    expect(plan(1, 1, ['lost'], [7])).toEqual({ add: 'P7', drop: 'P0', keep: 'P7', short: 0 })
  })

  it('drops what is too much: who is away first, then who ranks last', () => {
    expect(plan(1, 1, ['there', 'there'], [7])).toEqual({ add: '', drop: 'P1', keep: 'P0', short: 0 })
    expect(plan(2, 2, ['there', 'away', 'there'], [7])).toEqual({ add: '', drop: 'P1', keep: 'P0 P2', short: 0 })
  })

  it('empties a peer that leaves, as long as the minimum is held elsewhere', () => {
    expect(plan(2, 2, ['there', 'leaving'], [7])).toEqual({ add: 'P7', drop: 'P1', keep: 'P0 P7', short: 0 })
    expect(plan(1, 2, ['there', 'leaving'])).toEqual({ add: '', drop: 'P1', keep: 'P0', short: 0 })
    expect(plan(2, 2, ['there', 'leaving'])).toEqual({ add: '', drop: '', keep: 'P0', short: 1 })
    expect(plan(1, 1, ['leaving'])).toEqual({ add: '', drop: '', keep: '', short: 1 })
  })

  it('never leaves fewer copies than there were to begin with, nor below the minimum, nor above the maximum', () => {
    const states = fc.array(fc.constantFrom<HolderState>('there', 'away', 'lost', 'leaving'), {
      minLength: 1,
      maxLength: 5
    })
    fc.assert(
      fc.property(states, fc.integer({ min: 1, max: 4 }), fc.nat(2), fc.nat(3), (holders, min, more, free) => {
        const max = min + more
        const answer = plan(min, max, holders, [5, 6, 7].slice(0, free)) as
          { add: string; drop: string; keep: string; short: number } | undefined
        const count = (text = ''): number => (text === '' ? 0 : text.split(' ').length)
        const live = holders.filter((state) => state !== 'lost').length
        const after = holders.length + count(answer?.add) - count(answer?.drop)
        const stateAt = (name: string): HolderState => holders[Number(name.slice(1))] ?? 'there'
        const dropped = (answer?.drop ?? '').split(' ').filter((name) => name !== '')
        const liveAfter = live + count(answer?.add) - dropped.filter((name) => stateAt(name) !== 'lost').length
        expect(liveAfter).toBeGreaterThanOrEqual(Math.min(live, min))
        expect(count(answer?.add) === 0 || after <= max + holders.length).toBe(true)
        if (dropped.length > 0) expect(answer?.keep).not.toBe('')
        // What was done needs nothing more.
        for (const name of dropped) expect(answer?.keep.split(' ')).not.toContain(name)
      })
    )
  })
})
