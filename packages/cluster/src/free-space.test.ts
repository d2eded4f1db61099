import type { Metric } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { expect, it } from 'vitest'
import { createFreeSpace } from './free-space.ts'

const [first, second] = [testPeerId(1), testPeerId(2)]
const metricOf = (name: string, peer: typeof first, weight: bigint): Metric => ({
  name,
  peer,
  value: weight.toString(),
  weight,
  expire: 1n,
  valid: true,
  partitionable: false,
  receivedAt: 0n
})

it('says what peers say when nothing is assumed', () => {
  const said = [metricOf('freespace', first, 100n)]
  const space = createFreeSpace(() => said, { assumedPinSize: 0, minFreeSpace: 0 })
  space.chosen([first])
  expect(space.metrics('freespace')).toBe(said)
  expect(space.hasRoom(first)).toBe(true)
})

it('counts what is queued, and what was chosen since the peer last spoke', () => {
  const published = new Map([
    ['freespace', [metricOf('freespace', first, 1_000n), metricOf('freespace', second, 1_000n)]],
    ['pinqueue', [metricOf('pinqueue', first, 3n)]]
  ])
  const space = createFreeSpace((name) => published.get(name) ?? [], { assumedPinSize: 100, minFreeSpace: 600 })
  const left = (): readonly string[] => space.metrics('freespace').map(({ value }) => value)
  expect(left()).toEqual(['700', '1000'])
  space.chosen([first, second])
  space.chosen([first])
  expect(left()).toEqual(['500', '900'])
  expect([space.hasRoom(first), space.hasRoom(second), space.hasRoom(testPeerId(3))]).toEqual([false, true, true])
  published.set('freespace', [metricOf('freespace', first, 800n)])
  expect(left()).toEqual(['500'])
  for (let pin = 0; pin < 20; pin += 1) space.chosen([first])
  expect(space.metrics('freespace').map(({ weight }) => weight)).toEqual([0n])
  expect(space.metrics('pinqueue')).toBe(published.get('pinqueue'))
})
