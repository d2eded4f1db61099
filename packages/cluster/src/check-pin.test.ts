import { pinOf, PinType, type Pin } from '@cluster/api'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { checkExpiry, checkRepin, checkType, withFactors } from './check-pin.ts'

const cid = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const pin = (changes: Partial<Pin>): Pin => ({ ...pinOf(cid), ...changes })

describe('replication factors', () => {
  const everywhere = { replicationFactorMin: -1, replicationFactorMax: -1 }
  const with_ = (min: number, max: number, defaults = everywhere): (() => string) => {
    return () => {
      const { replicationFactorMin, replicationFactorMax } = withFactors(
        pin({ replicationFactorMin: min, replicationFactorMax: max }),
        defaults
      )
      return `${replicationFactorMin}/${replicationFactorMax}`
    }
  }

  it.each([
    [0, 0, '-1/-1'],
    [1, 1, '1/1'],
    [2, 5, '2/5'],
    [-1, 0, '-1/-1']
  ])('%i/%i become %s', (min, max, expected) => {
    expect(with_(min, max)()).toBe(expected)
  })

  it.each([
    [2, -1, 'cluster.replication_factor_min is larger than max'],
    [3, 1, 'cluster.replication_factor_min is larger than max'],
    [2, 0, 'cluster.replication_factor_min is larger than max'],
    [0, 2, 'cluster.replication_factor_min and max must be -1 when one of them is'],
    [-1, 2, 'cluster.replication_factor_min and max must be -1 when one of them is'],
    [-2, -2, 'cluster.replication_factor_min is wrong'],
    [-2, 1, 'cluster.replication_factor_min is wrong']
  ])('%i/%i are refused', (min, max, message) => {
    expect(with_(min, max)).toThrow(expect.objectContaining({ code: 'BAD_PIN', message }))
  })

  it('refuses zeros that no default fills', () => {
    const zeros = { replicationFactorMin: 0, replicationFactorMax: 0 }
    expect(with_(0, 0, zeros)).toThrow('cluster.replication_factor_min and max must be set')
  })
})

describe('expiry', () => {
  it.each([undefined, 0n, 101n])('of %s passes', (expireAt) => {
    expect(() => {
      checkExpiry(pin({ expireAt }), 100n)
    }).not.toThrow()
  })
  it.each([1n, 100n])('of %s is refused', (expireAt) => {
    expect(() => {
      checkExpiry(pin({ expireAt }), 100n)
    }).toThrow('pin.ExpireAt set before current time')
  })
})

describe('types', () => {
  it.each<[string, Partial<Pin>]>([
    ['data pins should not reference other pins', { reference: cid }],
    ['must pin shards go depth 1', { type: PinType.shard }],
    ['must pin roots directly', { type: PinType.clusterDag, reference: cid }],
    ['clusterDAG pins should reference a Meta pin', { type: PinType.clusterDag, maxDepth: 0 }],
    ['meta pin should not specify allocations', { type: PinType.meta, allocations: [{} as never], reference: cid }],
    ['metaPins should reference a ClusterDAG', { type: PinType.meta }],
    ['unrecognized pin type', { type: PinType.bad }]
  ])('%s', (message, changes) => {
    expect(() => {
      checkType(pin(changes))
    }).toThrow(expect.objectContaining({ code: 'BAD_PIN', message }))
  })

  it.each<Partial<Pin>>([
    {},
    { type: PinType.shard, maxDepth: 1 },
    { type: PinType.shard, maxDepth: 1, reference: cid },
    { type: PinType.clusterDag, maxDepth: 0, reference: cid },
    { type: PinType.meta, maxDepth: 0, reference: cid }
  ])('a well-formed pin passes', (changes) => {
    expect(() => {
      checkType(pin(changes))
    }).not.toThrow()
  })

  it('never change', () => {
    const change = (): void => {
      checkRepin(pin({}), pin({ type: PinType.meta }))
    }
    expect(change).toThrow(
      'cannot repin CID with different tracking method, clear state with pin rm to proceed. New: pin. Was: meta-pin'
    )
  })
})
