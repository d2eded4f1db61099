import { pinOf, type Metric, type Pin } from '@cluster/api'
import {
  MemoryMetrics,
  settle,
  testContext,
  testPeerId,
  weightAllocator,
  MemoryConsensus,
  MemoryPinset
} from '@cluster/testing'
import type { PeerId } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createAllocation, type Allocation } from './allocation.ts'
import { DEFAULT_CLUSTER_CONFIG, type ClusterConfig } from './cluster-config.ts'

const cid = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const letters = ['A', 'B', 'C', 'D', 'E']
const peerOf = (letter: string): PeerId => testPeerId(letters.indexOf(letter))
const peersOf = (text: string): PeerId[] => Array.from(text, peerOf)
const textOf = (peers: readonly PeerId[]): string =>
  peers.map((peer) => letters.find((letter) => peerOf(letter).equals(peer)) ?? '?').join('')

interface Bench {
  readonly allocation: Allocation
  readonly publish: (letter: string, name?: string) => void
  readonly context: ReturnType<typeof testContext>
}

const bench = (alive: string, config: Partial<ClusterConfig> = {}, trusted = 'ABCDE', name = 'freespace'): Bench => {
  const context = testContext()
  const monitor = new MemoryMetrics(context.clock).join(context.self)
  const consensus = new MemoryConsensus(new MemoryPinset(), {
    self: peerOf('A'),
    isTrusted: (peer) => trusted.includes(textOf([peer]))
  })
  const members = { metrics: (metric: string) => monitor.latestMetrics(metric) }
  const allocation = createAllocation(
    { ...context, consensus, monitor, allocator: weightAllocator(name) },
    members,
    { get: () => 'active' },
    {
      ...DEFAULT_CLUSTER_CONFIG,
      monitorPingIntervalMs: 15_000,
      pinOnlyOnTrustedPeers: false,
      pinOnlyOnUntrustedPeers: false,
      ...config
    }
  )
  const publish = (letter: string, metric = 'freespace'): void => {
    const value: Metric = {
      name: metric,
      peer: peerOf(letter),
      value: '1',
      weight: BigInt(100 - letters.indexOf(letter)),
      expire: 2_000_000_000_000_000_000n,
      valid: true,
      partitionable: false,
      receivedAt: 0n
    }
    monitor.logMetric(value)
  }
  for (const letter of alive) publish(letter)
  return { allocation, publish, context }
}
const pin = (min: number, max: number, changes: Partial<Pin> = {}): Pin => ({
  ...pinOf(cid, { replicationFactorMin: min, replicationFactorMax: max }),
  ...changes
})
const existing = (allocations: string): Pin | undefined =>
  allocations === '' ? undefined : pin(1, 1, { allocations: peersOf(allocations) })

describe('allocation', () => {
  it.each([
    ['everybody', -1, -1, 'ABCDE', '', '', '', ''],
    ['a new pin', 3, 4, 'ABCDE', '', '', '', 'ABCD'],
    ['a repeated pin', 3, 3, 'ABCDE', 'ABC', '', '', 'ABC'],
    ['a holder that is down while enough live', 1, 2, 'BCDE', 'AB', '', '', 'AB'],
    ['a holder that is lost', 2, 2, 'BCDE', 'AB', 'A', '', 'BC'],
    ['an alerted holder while enough live', 1, 2, 'BCDE', 'BA', 'A', '', 'BA'],
    ['no top-up above the minimum', 2, 3, 'ABCDE', 'AB', '', '', 'AB'],
    ['a raised minimum', 3, 4, 'ABCDE', 'AB', '', '', 'ABCD'],
    ['a lowered maximum', 2, 2, 'ABCDE', 'ABCD', '', '', 'AB'],
    ['a lowered maximum with preferred holders', 2, 2, 'ABCDE', 'ABCD', '', 'D', 'DA'],
    ['preferred peers first', 1, 3, 'ABCDE', '', '', 'ED', 'DEA'],
    ['preferred peers that are down', 2, 2, 'ABC', '', '', 'ED', 'AB']
  ])('serves %s (%i/%i)', async (_, min, max, alive, current, excluded, preferred, expected) => {
    const { allocation, context } = bench(alive)
    allocation.settleFrom(context.clock.nowMs() - 15_000)
    const options = pin(min, max, { userAllocations: peersOf(preferred) })
    const found = await allocation.allocate({ cid, options, existing: existing(current), excluded: peersOf(excluded) })
    expect(textOf(found)).toBe(expected)
  })

  it('needs as many candidates as copies', async () => {
    const { allocation, context } = bench('ABCD')
    allocation.settleFrom(context.clock.nowMs() - 15_000)
    await expect(allocation.allocate({ cid, options: pin(5, 5) })).rejects.toMatchObject({
      code: 'NOT_ENOUGH_PEERS',
      message:
        'not enough peers to allocate CID. Needed at least: 5. Wanted at most: 5. Available candidates: 4. See logs for more info.'
    })
    const held = { cid, options: pin(5, 6), existing: existing('A') }
    await expect(allocation.allocate(held)).rejects.toThrow(
      'Needed at least: 4. Wanted at most: 5. Available candidates: 3.'
    )
  })

  it('keeps to trusted or untrusted peers when told so', async () => {
    const trusting = bench('ABCDE', { pinOnlyOnTrustedPeers: true }, 'AC').allocation
    expect(textOf(await trusting.allocate({ cid, options: pin(1, 2) }))).toBe('AC')
    const distrusting = bench('ABCDE', { pinOnlyOnUntrustedPeers: true }, 'AC').allocation
    expect(textOf(await distrusting.allocate({ cid, options: pin(1, 3) }))).toBe('BDE')
  })

  it('waits for metrics just after a start, no longer than one ping interval', async () => {
    const { allocation, publish, context } = bench('A')
    const early = allocation.allocate({ cid, options: pin(2, 2) })
    await context.clock.advance(3_000)
    publish('B')
    expect(textOf(await early)).toBe('AB')
    const never = allocation.allocate({ cid, options: pin(3, 3) })
    const refused = expect(never).rejects.toMatchObject({ code: 'NOT_ENOUGH_PEERS' })
    await context.clock.advance(11_999)
    publish('A')
    await settle()
    await context.clock.advance(1)
    await refused
    expect(context.clock.pending).toBe(0)
  })

  it('ends the wait when the caller breaks off', async () => {
    const { allocation, context } = bench('A')
    const impatient = new AbortController()
    const waiting = allocation.allocate({ cid, options: pin(2, 2), signal: impatient.signal })
    await settle()
    impatient.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    expect(context.clock.pending).toBe(0)
  })

  it('gives content for everybody to whoever pings', async () => {
    const { allocation, publish, context } = bench('')
    const waiting = allocation.everybody({})
    await settle()
    publish('C', 'ping')
    expect(textOf(await waiting)).toBe('C')
    expect(context.clock.pending).toBe(0)
  })

  it('explains why a peer is no candidate', () => {
    const { allocation, publish } = bench('ABC', { pinOnlyOnTrustedPeers: true }, 'ABD')
    publish('D', 'other')
    const options = pin(1, 2, { userAllocations: peersOf('B') })
    const verdicts = allocation
      .explain({ cid, options, existing: existing('A'), excluded: [] })
      .map(({ peer, verdict }) => `${textOf([peer])} ${verdict}`)
    expect(verdicts.sort()).toEqual(['A current', 'B priority', 'C untrusted'])
  })
})
