import { timestampFromMs } from '@cluster/api'
import { MemoryMetrics, MemoryNetwork, settle, testContext, testPeerId } from '@cluster/testing'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { createAcquaintance } from './acquaintance.ts'
import { createBackground } from './background.ts'
import { PING } from './ping-value.ts'

function bench(lowWater = 100) {
  const context = testContext()
  const monitor = new MemoryMetrics(context.clock).join(context.self)
  const network = new MemoryNetwork()
  const background = createBackground(context.log)
  const acquaintance = createAcquaintance({ ...context, monitor, network }, background, {
    connectionManager: { lowWater }
  })
  acquaintance.start()
  const hear = async (peer: PeerId, name = PING): Promise<void> => {
    const expire = timestampFromMs(context.clock.nowMs() + 1000)
    const value = { value: '', weight: 0n, partitionable: false, receivedAt: 0n }
    monitor.logMetric({ ...value, name, peer, expire, valid: true })
    await settle()
  }
  return { context, network, background, acquaintance, hear }
}

describe('members that gossip tells of', () => {
  const [a, b] = [testPeerId(11), testPeerId(12)]

  it('are connected once, and their addresses saved', async () => {
    const { network, hear } = bench()
    await hear(a)
    await hear(a)
    expect(network.connected).toEqual([a])
    expect(network.saved).toBe(1)
    await hear(b)
    expect(network.connected).toEqual([a, b])
    expect(network.saved).toBe(2)
  })

  it('are tried again after a while when they cannot be reached', async () => {
    const { context, network, hear } = bench()
    network.unreachable.add(a.toString())
    await hear(a)
    network.unreachable.clear()
    await hear(a)
    expect(network.connected).toEqual([])
    await context.clock.advance(30_000)
    await hear(a)
    expect(network.connected).toEqual([a])
  })

  it('do not push others out: enough connections are enough', async () => {
    const { network, hear } = bench(1)
    await hear(a)
    await hear(b)
    expect(network.connected).toEqual([a])
  })

  it('are known by their pings only, and we are not one of them', async () => {
    const { context, network, hear } = bench()
    await hear(context.self)
    await hear(a, 'freespace')
    expect(network.connected).toEqual([])
  })

  it('are left alone after the stop', async () => {
    const { network, acquaintance, hear } = bench()
    acquaintance.stop()
    await hear(a)
    expect(network.connected).toEqual([])
  })
})
