import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { expire, named, peersOfTest } from './peers.fixture.ts'

const file = new URL('../../testing/vectors/cli/status-scenarios.json', import.meta.url)
const { scenarios } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly scenarios: readonly { readonly scenario: string; readonly alerts?: readonly (readonly string[])[] }[]
}
const start = peersOfTest()

describe('recorded scenarios of alerts', () => {
  it('alerts of a lost peer, with repinning disabled', async () => {
    const { alerts } = scenarios.find(({ scenario }) => scenario === 'alerts-repinning-disabled') ?? {}
    // The handler of the reference ends at the first alert of a ping; the other metrics of the peer had expired, too.
    expect(alerts).toEqual([['peer2', 'ping']])
    const cluster = await start(3, { disableRepinning: true })
    await cluster.kill(2)
    await expire(cluster)
    const ours = cluster.peer(0).core.health.alerts()
    expect(ours.map(({ name, peer }) => [...named(cluster, [peer]), name]).sort()).toEqual([
      ['peer_2', 'freespace'],
      ['peer_2', 'ping']
    ])
  })
})
