import { isPinEverywhere, itemsOf, timestampFromMs } from '@cluster/api'
import { distance } from '@cluster/cluster'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recorded, recordedValue, recordedMessage } from './recorded.fixture.ts'
import { absentContent, factors, ThreePeers } from './three-peers.fixture.ts'

/** For the start and the end of three peers on a machine that does other things, too. */
const PATIENCE_MS = 240_000
const EXPIRES_IN_MS = 3_000

describe('recorded scenarios of allocation and expiry, by three peers', { timeout: PATIENCE_MS }, () => {
  let three: ThreePeers
  beforeAll(async () => {
    three = await ThreePeers.start()
  }, PATIENCE_MS)
  afterAll(async () => {
    await three[Symbol.asyncDispose]()
  }, PATIENCE_MS)

  it('a pin whose factors change', async () => {
    const cid = await three.content('allocated')
    const first = await three.pin(0, cid, { ...factors(1, 1), userAllocations: [three.peer(1).id] })
    expect(three.holders(first)).toEqual(recorded('user-allocation', 'alloc'))
    expect(first.userAllocations?.map((id) => three.nameOf(id))).toEqual(
      recorded('user-allocation', 'answer_user_allocations')
    )
    await three.reaches(() => three.status(0, cid), recorded('user-allocation', 'status'))
    const raised = await three.pin(0, cid, { ...factors(2, 2), userAllocations: [three.peer(2).id] })
    expect(three.holders(raised)).toEqual(recorded('raise-factors', 'alloc'))
    await three.reaches(() => three.status(0, cid), recorded('raise-factors', 'status'))
    expect(three.holders(await three.pin(0, cid, factors(1, 3)))).toEqual(recorded('min-lower-max-higher', 'alloc'))
    expect(three.holders(await three.pin(0, cid, factors(3, 3))).sort()).toEqual(
      (recordedValue('three', 'alloc') as string[]).toSorted()
    )
    const lowered = await three.pin(0, cid, { ...factors(1, 1), userAllocations: [three.peer(1).id] })
    expect(lowered.allocations).toHaveLength(recordedValue('lower-max', 'alloc_count') as number)
    await three.reaches(() => three.status(0, cid), recorded('lower-max', 'status'))
    const back = await three.pin(0, cid)
    expect([three.holders(back), isPinEverywhere(back)]).toEqual([recorded('back-to-everywhere', 'alloc'), true])
    await three.reaches(() => three.status(0, cid), recorded('back-to-everywhere', 'status'))
  })

  it.each([
    ['two_min_only', { replicationFactorMin: 2 }],
    ['max_only', { replicationFactorMax: 2 }],
    ['five', factors(5, 5)],
    // Its name says two; what it was refused for is four.
    ['two_five', factors(4, 5)]
  ])('factors that cannot be: %s', async (key, options) => {
    const cid = await absentContent('errors')
    await expect(three.pin(0, cid, options)).rejects.toThrow(recordedMessage('errors', key))
  })

  it('expiry: each pin is removed once, by the peer that the distance rule names', async () => {
    const others = await Array.fromAsync(itemsOf(three.peer(0).cluster.pins.list({})))
    const some = await Promise.all(Array.from({ length: 6 }, (_, index) => three.content(`expiring ${index}`)))
    const expireAt = timestampFromMs(Date.now() + EXPIRES_IN_MS)
    await Promise.all(some.map((cid) => three.pin(0, cid, { expireAt })))
    const closest = (cid: CID): PeerId | undefined =>
      three.peers.map(({ peer }) => peer.id).sort((a, b) => Buffer.compare(distance(cid, a), distance(cid, b)))[0]
    const predicted = some.map((cid) => [three.nameOf(closest(cid) ?? '')])
    const acted = (cid: CID): readonly string[] =>
      three.peers.flatMap(({ name, lines }) =>
        lines.some((line) => line.includes(`Unpinning ${cid.toString()}: pin expired at`)) ? [name] : []
      )
    await three.until(() => {
      expect(some.map(acted)).toEqual(predicted)
    })
    await three.until(async () => {
      expect(await Array.fromAsync(itemsOf(three.peer(1).cluster.pins.list({})))).toEqual(others)
    })
    expect(some.map(acted)).toEqual(predicted)
    // As in the recording: who was foreseen acted, and nobody else. CIDs and peers are others.
    const foreseen = recordedValue('expiry', 'predicted') as Readonly<Record<string, string>>
    const seen = recordedValue('expiry', 'unpinned_by') as Readonly<Record<string, readonly string[]>>
    expect(seen).toEqual(Object.fromEntries(Object.entries(foreseen).map(([cid, name]) => [cid, [name]])))
  })
})
