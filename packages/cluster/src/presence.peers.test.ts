import { pinOf } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { cidOf, expire, peersOfTest } from './peers.fixture.ts'

const start = peersOfTest()

describe('events of the port', () => {
  it('tell which peers come and go', async () => {
    const cluster = await start(3)
    await cluster.settle()
    const { events } = cluster.peer(0).core
    const told = () =>
      events.since(0).flatMap((event) => (event.type === 'peer' ? [`${event.peername} ${event.state}`] : []))
    expect(told().sort()).toEqual(['peer_1 joined', 'peer_2 joined'])
    await cluster.kill(2)
    await expire(cluster)
    expect(told().slice(2)).toEqual(['peer_2 left'])
    const alerts = events.since(0).filter(({ type }) => type === 'alert')
    expect(alerts.length).toBeGreaterThan(0)
  })

  it('tell of pins', async () => {
    const cluster = await start(1)
    const { core } = cluster.peer(0)
    const cid = await cidOf('pin')
    const seen: string[] = []
    const leave = core.events.watch(({ type }) => seen.push(type))
    await core.pins.pin(pinOf(cid), {})
    await cluster.settle()
    leave()
    expect(seen).toContain('pinset')
    expect(seen).toContain('status')
  })
})
