import { pinOf } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { cidOf, factors, holders, named, peersOfTest, repairing } from './peers.fixture.ts'

const start = peersOfTest()

describe('explaining', () => {
  it('says of every peer why it was, or was not, chosen', async () => {
    const cluster = await start(5, { ...repairing({ minFreeSpace: 997 }) })
    const { core } = cluster.peer(0)
    const cid = await cidOf('explained')
    const { upkeep } = core
    if (upkeep === undefined) throw new Error('no upkeep')
    await core.pins.pin(pinOf(cid, factors(1, 1)), {})
    await upkeep.setService(cluster.peer(1).self, 'cordoned', {})
    cluster.peer(3).informers[0].weight = undefined
    await cluster.pass(31_000)
    const explanation = await upkeep.explain({ cid, options: pinOf(cid, factors(2, 3)) })
    const lines = explanation.peers.map(({ peername, verdict, chosen, place }) => [peername, verdict, chosen, place])
    expect(lines.sort()).toEqual([
      ['peer_0', 'current', true, -1],
      ['peer_1', 'cordoned', false, -1],
      ['peer_2', 'candidate', true, 0],
      ['peer_3', 'incomplete', false, -1],
      ['peer_4', 'full', false, -1]
    ])
    expect(explanation.error).toBe('')
    expect(named(cluster, explanation.allocations)).toEqual(['peer_0', 'peer_2'])
    const reasons = new Map(explanation.peers.map(({ peername, reason }) => [peername, reason]))
    expect(reasons.get('peer_3')).toBe('it does not publish freespace: its disk may be full, or its IPFS daemon down')
    // As it is: nothing changes.
    expect(named(cluster, (await upkeep.explain({ cid })).allocations)).toEqual(['peer_0'])
    expect(await holders(cluster, cid)).toEqual(['peer_0'])
  })

  it('explains a pin that is only imagined, and one that cannot be', async () => {
    const cluster = await start(2)
    const { upkeep } = cluster.peer(0).core
    if (upkeep === undefined) throw new Error('no upkeep')
    const everywhere = await upkeep.explain({})
    expect(everywhere.peers.map(({ chosen, reason }) => [chosen, reason])).toEqual(
      cluster.peers.map(() => [true, 'every peer holds it'])
    )
    const impossible = await upkeep.explain({ options: pinOf(await cidOf('x'), factors(3, 3)) })
    expect(impossible.error).toContain('not enough peers to allocate CID. Needed at least: 3.')
    await expect(upkeep.explain({ cid: await cidOf('unknown') })).rejects.toMatchObject({ code: 'NOT_IN_PINSET' })
  })
})
