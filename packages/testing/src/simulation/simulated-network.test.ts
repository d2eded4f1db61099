import { expect, test } from 'vitest'
import { seededRandom } from '../seeded-random.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { SimulatedNetwork } from './simulated-network.ts'

function network(): { clock: SimulatedClock; net: SimulatedNetwork; arrived: number[]; send: (count: number) => void } {
  const clock = new SimulatedClock(0)
  const net = new SimulatedNetwork(clock, seededRandom(1))
  const arrived: number[] = []
  const send = (count: number): void => {
    for (let index = 0; index < count; index += 1) net.send(0, 1, () => arrived.push(index))
  }
  return { clock, net, arrived, send }
}

test('in fine weather each message arrives once, not always in order', async () => {
  const { clock, arrived, send } = network()
  send(100)
  await clock.advance(100)
  expect(arrived.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  expect(arrived).not.toEqual(arrived.toSorted((a, b) => a - b))
})

test('messages are lost and doubled', async () => {
  const { clock, net, arrived, send } = network()
  Object.assign(net.weather, { loss: 0.5, duplication: 0.5 })
  send(1000)
  await clock.advance(100)
  const distinct = new Set(arrived).size
  expect(distinct).toBeGreaterThan(400)
  expect(distinct).toBeLessThan(600)
  expect(arrived.length).toBeGreaterThan(distinct * 1.3)
})

test('a cut is one-way, and also takes what is on its way', async () => {
  const { clock, net, arrived, send } = network()
  send(1)
  net.cut(0, 1)
  send(1)
  net.send(1, 0, () => arrived.push(7))
  await clock.advance(100)
  expect(arrived).toEqual([7])
  net.mend()
  send(1)
  await clock.advance(100)
  expect(arrived).toEqual([7, 0])
})

test('a partition cuts between the sides only', () => {
  const { net } = network()
  net.partition([0, 1, 2, 3], new Set([0, 1]))
  expect([net.isCut(0, 1), net.isCut(2, 3), net.isCut(0, 2), net.isCut(2, 0)]).toEqual([false, false, true, true])
  net.heal()
  expect(net.isCut(0, 2)).toBe(false)
})
